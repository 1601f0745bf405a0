"""What is to be made: clusters, jobs and applications, under the seed's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from airflow_provider_aztk.client._text_files import entry_script
from airflow_provider_aztk.client.models import _spark, _sparkfiles
from airflow_provider_aztk.client.models._base import ConfigModel, Faults, is_folder
from airflow_provider_aztk.client.models._files import (
    NO_URI,
    UserFile,
    check_files,
    fit_name,
    kind_of,
    local_path,
    user_file,
)
from airflow_provider_aztk.client.models._shape import (
    DEFAULT_RESERVES,
    check_counts,
    check_fit,
    check_idle,
    check_jars,
    check_min_workers,
    check_shape,
    check_worker,
)
from airflow_provider_aztk.node import contract

__all__ = [
    "DEFAULT_RESERVES",
    "ApplicationConfiguration",
    "ClusterConfiguration",
    "CustomScript",
    "JobConfiguration",
    "SparkConfiguration",
]

DEFAULT_DOCKER_REPO = "apache/spark:4.1.4-python3"
DEFAULT_VM_SIZE = "standard_d4s_v5"
#: After this long without its tasks, a cluster or job ends itself: whoever was creating it died on the way.
DEFAULT_INCOMPLETE_TIMEOUT = timedelta(minutes=10)
#: After this long without a Spark application or a driver, a job ends itself.
DEFAULT_JOB_IDLE_TIMEOUT = timedelta(minutes=15)
RUN_ON_VALUES = (contract.RUN_ON_ALL, contract.RUN_ON_MASTER, contract.RUN_ON_WORKER)
NO_ENTRY_SCRIPT = (
    "the folder has no script: put one into it that begins with #! or is named *.sh; the first by name runs"
)
#: The largest whole number that Azure Batch and Spark take.
MAX_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class CustomScript(ConfigModel):
    """A script that runs in the Spark container before Spark starts.

    :param name: a unique name; default the file's name.
    :param script: path of the script, or of a folder, of which the first script by name runs, in the folder.
    :param run_on: ``all-nodes`` (default), ``master`` (drivers too) or ``worker``.
    """

    _required: ClassVar[tuple[str, ...]] = ("script",)

    name: str | None = None
    script: str = ""
    run_on: str = contract.RUN_ON_ALL

    def __post_init__(self) -> None:
        faults = self._faults()
        faults.require("script", self.script, "give the path of a script")
        self._check_script(faults)
        faults.check_choice("run_on", self.run_on, RUN_ON_VALUES)
        if self.name is not None:
            faults.require("name", self.name, "give a name, or leave it out")
        faults.raise_if_any()

    def _check_script(self, faults: Faults) -> None:
        path = local_path(self.script) if isinstance(self.script, str) else self.script
        if not isinstance(path, str | Path) or not is_folder(path):
            faults.check_file("script", path or None)
            return
        try:
            entry = entry_script(Path(path).expanduser())
        except OSError as error:
            faults.add("script", str(self.script), f"it cannot be read ({error.strerror})")
            return
        if entry is None:
            faults.add("script", str(self.script), NO_ENTRY_SCRIPT)


@dataclass(frozen=True)
class SparkConfiguration(ConfigModel):
    """Spark's settings for a whole cluster.

    :param spark_defaults_conf: path of a ``spark-defaults.conf``; default none.
    :param spark_env_sh: path of a ``spark-env.sh``; default none.
    :param core_site_xml: path of a ``core-site.xml``; default none.
    :param jars: paths of jars that every driver and executor gets; default none.
    """

    _lists: ClassVar[tuple[str, ...]] = ("jars",)

    spark_defaults_conf: str | None = None
    spark_env_sh: str | None = None
    core_site_xml: str | None = None
    jars: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._normalise()
        faults = self._faults()
        for name in ("spark_defaults_conf", "spark_env_sh", "core_site_xml"):
            faults.check_file(name, getattr(self, name))
        _sparkfiles.check_env(faults, "spark_env_sh", self.spark_env_sh)
        _sparkfiles.check_defaults(faults, "spark_defaults_conf", self.spark_defaults_conf)
        check_files(faults, "jars", self.jars)
        faults.raise_if_any()


@dataclass(frozen=True)
class ApplicationConfiguration(ConfigModel):
    """A Spark application to run (spark.apache.org/docs/latest/submitting-applications.html).

    :param name: unique among the applications of its cluster or job; letters, digits, ``-`` and ``_``, at most 64.
    :param application: path of a jar or Python file, or a URL; which of them it is, its path says, and not its query.
    :param application_args: arguments, passed on unchanged; default none.
    :param main_class: class with ``main`` (jars only).
    :param jars: further jars: paths or URLs.
    :param py_files: further Python files: .py, .zip or .egg.
    :param files: further files for the working directories of the driver and of each executor; no two of an
        application's files may have one name, but ``path#name`` gives one another.
    :param driver_java_options: extra Java options of the driver.
    :param driver_library_path: extra library path of the driver.
    :param driver_class_path: extra class path of the driver.
    :param driver_memory: e.g. ``2g``; Spark's default is 1g.
    :param executor_memory: e.g. ``2g``; Spark's default is 1g.
    :param driver_cores: cores of the driver; Spark's default is 1.
    :param executor_cores: cores of each executor; default all that a worker has.
    :param max_retry_count: how often Batch runs the application again when it ends non-zero; default 0.
    :param archives: .zip, .tar.gz, .tgz, .tar or .jar files, unpacked in the working directory of each executor, in a
        folder of the archive's name, or of the one behind ``#``: ``env.tar.gz#env``.
    :param max_cores: the most cores the application may take of the cluster (``spark.cores.max``); default no limit.
    :param conf: Spark properties.
    :param packages: Maven coordinates ``group:artifact:version``.
    :param requirements: path of a pip requirements file, installed for the driver.
    :param env: environment of the driver.
    :param hadoop_azure: add Hadoop's connector for Azure storage, which neither Spark nor its image has, and the
        settings for abfss: and wasbs: URLs; default false. Keys and tokens belong into ``secret_conf``.
    :param secret_conf: Spark properties that are secret: they travel in a file that only the cluster reads.
    :param secret_env: environment of the driver that is secret, likewise.
    :param executor_timeout: the application fails after this long without any executor where it asks for more memory
        or cores an executor than any worker offers; default 5 minutes. One that waits for its turn is left alone, and
        so is one with ``spark.ui.enabled=false``.
    :param max_wall_clock: Batch ends the application after this long; default no limit.
    """

    _lists: ClassVar[tuple[str, ...]] = ("application_args", "jars", "py_files", "files", "packages", "archives")
    _durations: ClassVar[tuple[str, ...]] = ("max_wall_clock", "executor_timeout")
    _secret_fields: ClassVar[tuple[str, ...]] = ("secret_conf", "secret_env")

    name: str
    application: str
    application_args: Sequence[str] = ()
    main_class: str | None = None
    jars: Sequence[str] = ()
    py_files: Sequence[str] = ()
    files: Sequence[str] = ()
    driver_java_options: str | None = None
    driver_library_path: str | None = None
    driver_class_path: str | None = None
    driver_memory: str | None = None
    executor_memory: str | None = None
    driver_cores: int | None = None
    executor_cores: int | None = None
    max_retry_count: int = 0
    _: KW_ONLY
    archives: Sequence[str] = ()
    max_cores: int | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    packages: Sequence[str] = ()
    requirements: str | None = None
    hadoop_azure: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    secret_conf: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_wall_clock: timedelta | None = None
    executor_timeout: timedelta | None = None

    def __post_init__(self) -> None:
        self._normalise()
        faults = self._faults()
        for name in ("driver_memory", "executor_memory"):
            object.__setattr__(self, name, _spark.memory(getattr(self, name)))
            _spark.check_size(faults, name, getattr(self, name))
        for name in ("conf", "secret_conf"):
            object.__setattr__(self, name, _with_sizes(getattr(self, name)))
        faults.check_id("name", self.name, reserved_prefix=contract.RESERVED_PREFIX)
        self._check_program(faults)
        for name in ("jars", "py_files", "files", "archives"):
            check_files(faults, name, getattr(self, name))
        self._check_file_names(faults)
        self._check_numbers(faults)
        for name in ("conf", "env", "secret_conf", "secret_env"):
            faults.check_text_map(name, getattr(self, name))
        self._check_texts(faults)
        faults.check_bool("hadoop_azure", self.hadoop_azure)
        faults.check_file("requirements", self.requirements)
        self._check_durations(faults)
        faults.raise_if_any()

    def _check_file_names(self, faults: Faults) -> None:
        """Check that files of several fields can stand side by side in the driver's working directory."""
        lists = {"application": (self.application,), "jars": self.jars, "py_files": self.py_files, "files": self.files}
        seen: dict[str, tuple[str, str, UserFile]] = {}
        for list_name, paths in lists.items():
            for index, path in enumerate(paths if isinstance(paths, tuple) else ()):
                file = user_file(path) if isinstance(path, str) and path else None
                if file is None or (file.remote and not file.by_node):
                    continue
                where = list_name if list_name == "application" else f"{list_name}[{index}]"
                placed = file.name if list_name == "files" else fit_name(file.name)
                first, other_where, other = seen.setdefault(placed, (list_name, where, file))
                told = first == list_name and other.name == file.name  # by check_files
                if other.whole != file.whole and not told:
                    fix = f"{other_where} has the same file name, and both stand in the driver's working directory"
                    faults.add(where, path, f"{fix}: rename one")

    def _check_numbers(self, faults: Faults) -> None:
        for name in ("driver_cores", "executor_cores", "max_cores"):
            faults.check_int(name, getattr(self, name), minimum=1, maximum=MAX_NUMBER)
        faults.require("max_retry_count", self.max_retry_count, "give a whole number of at least -1")
        faults.check_int("max_retry_count", self.max_retry_count, minimum=-1, maximum=MAX_NUMBER)
        _spark.check_cores(faults, "", self, None)

    def _check_texts(self, faults: Faults) -> None:
        options = {name: getattr(self, name) for name in contract.OPTION_PROPERTIES}
        for name in ("conf", "secret_conf"):
            _spark.check_properties(faults, name, getattr(self, name), options)
        for name in ("env", "secret_env"):
            _spark.check_environment(faults, name, getattr(self, name))
        for plain, secret in (("conf", "secret_conf"), ("env", "secret_env")):
            for name in getattr(self, plain).keys() & getattr(self, secret).keys():
                faults.add(f"{secret}.{name}", getattr(self, secret)[name], f"it is in {plain}, too: keep one")
        _spark.check_java_options(
            faults, "driver_java_options", "spark.driver.extraJavaOptions", self.driver_java_options or ""
        )
        _spark.check_packages(faults, self.packages)
        _spark.check_arguments(faults, self)

    def _check_program(self, faults: Faults) -> None:
        if not isinstance(self.application, str) or not self.application:
            faults.add("application", self.application, "give the path of a jar or Python file")
            return
        file = user_file(self.application)
        if not file.remote:
            faults.check_file("application", file.path)
        if file.alias:
            faults.add("application", self.application, "leave out what begins with '#'")
        elif file.remote and "?" in file.path and not file.by_node:
            faults.add("application", self.application, "leave out what begins with '?': only http(s) has a query")
        elif file.remote and not file.by_node and not file.is_uri:
            faults.add("application", self.application, NO_URI)
        elif file.remote and not file.fetchable and not file.path.endswith((".py", ".jar")):
            faults.add(
                "application", self.application, "give a .jar or a .py file: Spark knows them in lower case only"
            )
            return
        _spark.check_class(faults, "main_class", self.main_class)
        kind = kind_of(self.application)
        if kind == "jar" and not self.main_class:
            faults.add("main_class", self.main_class, "name the class with the main method of the jar")
        elif kind == "py" and self.main_class:
            faults.add("main_class", self.main_class, "leave it out: it applies to jars only")
        elif kind not in ("jar", "py"):
            faults.add("application", self.application, "give a .jar or a .py file")


def _with_sizes(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the sizes among Spark properties as the JVM takes them, too."""
    sizes = ("spark.driver.memory", "spark.executor.memory")
    return {name: _spark.memory(value) if name in sizes else value for name, value in properties.items()}


_SHAPE_REFUSED: Mapping[str, str] = {
    "plugins": "AZTK's plugins are not supported: use custom_scripts, or an image of your own in docker_repo",
    "file_shares": "Azure file shares are not supported: read abfss: or wasbs: URLs from Spark",
    "toolkit": "toolkits are read from YAML only: give docker_repo",
    "username": "users are created on a running cluster: use create_user",
}


@dataclass(frozen=True)
class ClusterConfiguration(ConfigModel):
    """A Spark cluster to create on Azure Batch.

    :param cluster_id: unique in the account, whatever its case; letters, digits, ``-`` and ``_``, at most 64.
    :param vm_count: dedicated nodes. With ``vm_low_pri_count`` together only in a subnet.
    :param vm_low_pri_count: low-priority (Spot) nodes.
    :param vm_size: size of all nodes (learn.microsoft.com/azure/virtual-machines/sizes), default ``standard_d4s_v5``.
    :param custom_scripts: scripts to run in the containers before Spark starts.
    :param docker_repo: image to run, default a pinned ``apache/spark``.
    :param spark_configuration: Spark's settings for the whole cluster.
    :param subnet_id: ARM id of the subnet to put the nodes in; default none.
    :param gpu_enabled: give the containers the node's GPUs; default false.
    :param worker_on_master: run a worker beside the master; default true.
    :param vm_image: ``publisher:offer:sku[:version]`` and the node agent after ``@``, e.g.
        ``microsoft-dsvm:ubuntu-hpc:2404@batch.node.ubuntu 24.04``; default the newest verified image with Docker.
    :param max_lifetime: Batch ends the cluster after this long, whoever is watching; default no limit.
    :param idle_timeout: the cluster ends itself when neither application nor driver lived for this long; default none.
    :param incomplete_timeout: the cluster ends itself when its creation was not finished this long after its master
        was ready, because whoever was creating it died on the way; default 10 minutes.
    :param min_workers: the fewest Spark workers to go on with: with fewer, once no more can come or none came for 5
        minutes, the cluster fails with ``TooFewWorkers``. Default None: it goes on with what came.
    :param default_cores: cores that an application takes unless it says otherwise; default all.
    :param task_slots_per_node: Batch task slots of a node, default 8 (4 on sizes with one vCPU).
    :param ssh_allowed_sources: address ranges that may reach port 22; default none, and then SSH is closed.
    :param reserves: what is kept from the workers: ``system_memory_mb``, ``master_memory_mb``, ``driver_memory_mb``,
        ``cores``; see :data:`DEFAULT_RESERVES`.
    :param metadata: names and values that job and pool carry, e.g. the owner.
    """

    _nested: ClassVar[Mapping[str, type[ConfigModel]]] = {
        "custom_scripts": CustomScript,
        "spark_configuration": SparkConfiguration,
    }
    _lists: ClassVar[tuple[str, ...]] = ("custom_scripts", "ssh_allowed_sources")
    _durations: ClassVar[tuple[str, ...]] = ("max_lifetime", "idle_timeout", "incomplete_timeout")
    _refused: ClassVar[Mapping[str, str]] = _SHAPE_REFUSED

    _required: ClassVar[tuple[str, ...]] = ("cluster_id",)

    custom_scripts: Sequence[CustomScript] = ()
    cluster_id: str = ""
    vm_count: int | None = None
    vm_size: str = DEFAULT_VM_SIZE
    vm_low_pri_count: int | None = None
    docker_repo: str = DEFAULT_DOCKER_REPO
    spark_configuration: SparkConfiguration | None = None
    _: KW_ONLY
    subnet_id: str | None = None
    gpu_enabled: bool = False
    worker_on_master: bool = True
    vm_image: str | None = None
    max_lifetime: timedelta | None = None
    idle_timeout: timedelta | None = None
    incomplete_timeout: timedelta = DEFAULT_INCOMPLETE_TIMEOUT
    min_workers: int | None = None
    default_cores: int | None = None
    task_slots_per_node: int | None = None
    ssh_allowed_sources: Sequence[str] = ()
    reserves: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._normalise()
        faults = self._faults()
        faults.check_id("cluster_id", self.cluster_id)
        faults.require("incomplete_timeout", self.incomplete_timeout, "give a duration")
        check_counts(faults, ("vm_count", self.vm_count), ("vm_low_pri_count", self.vm_low_pri_count), self.subnet_id)
        check_shape(faults, self)
        check_worker(faults, self, self.vm_count, self.vm_low_pri_count)
        check_min_workers(faults, self, self.vm_count, self.vm_low_pri_count)
        self._check_durations(faults)
        check_idle(faults, self.idle_timeout, self.max_lifetime)
        faults.raise_if_any()

    @property
    def nodes(self) -> int:
        """How many nodes are wanted in all."""
        return (self.vm_count or 0) + (self.vm_low_pri_count or 0)


@dataclass(frozen=True)
class JobConfiguration(ConfigModel):
    """Applications with a cluster of their own, which goes when they are done.

    :param id: unique in the account among jobs and clusters; letters, digits, ``-`` and ``_``, at most 64.
    :param applications: what to run; at least one.
    :param custom_scripts: as in :class:`ClusterConfiguration`.
    :param spark_configuration: as in :class:`ClusterConfiguration`.
    :param vm_size: as in :class:`ClusterConfiguration`.
    :param docker_repo: as in :class:`ClusterConfiguration`.
    :param max_dedicated_nodes: dedicated nodes of the job's cluster.
    :param max_low_pri_nodes: low-priority (Spot) nodes of the job's cluster.
    :param idle_timeout: the job ends itself when neither application nor driver lived for this long, whatever should
        have ended it before; default 15 minutes. One that is not shorter than ``max_lifetime`` never counts.
    :param incomplete_timeout: the job ends itself when its submission was not finished this long after its master was
        ready; default 10 minutes.

    The further fields are those of :class:`ClusterConfiguration`.
    """

    _nested: ClassVar[Mapping[str, type[ConfigModel]]] = {
        "applications": ApplicationConfiguration,
        "custom_scripts": CustomScript,
        "spark_configuration": SparkConfiguration,
    }
    _lists: ClassVar[tuple[str, ...]] = ("applications", "custom_scripts", "ssh_allowed_sources")
    _durations: ClassVar[tuple[str, ...]] = ("max_lifetime", "idle_timeout", "incomplete_timeout")
    _refused: ClassVar[Mapping[str, str]] = _SHAPE_REFUSED

    id: str
    applications: Sequence[ApplicationConfiguration] = ()
    custom_scripts: Sequence[CustomScript] = ()
    spark_configuration: SparkConfiguration | None = None
    vm_size: str | None = None
    docker_repo: str | None = None
    max_dedicated_nodes: int | None = None
    _: KW_ONLY
    max_low_pri_nodes: int | None = None
    gpu_enabled: bool = False
    subnet_id: str | None = None
    worker_on_master: bool = True
    vm_image: str | None = None
    max_lifetime: timedelta | None = None
    idle_timeout: timedelta = DEFAULT_JOB_IDLE_TIMEOUT
    incomplete_timeout: timedelta = DEFAULT_INCOMPLETE_TIMEOUT
    min_workers: int | None = None
    default_cores: int | None = None
    task_slots_per_node: int | None = None
    ssh_allowed_sources: Sequence[str] = ()
    reserves: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._normalise()
        faults = self._faults()
        object.__setattr__(self, "vm_size", self.vm_size or DEFAULT_VM_SIZE)
        object.__setattr__(self, "docker_repo", self.docker_repo or DEFAULT_DOCKER_REPO)
        faults.check_id("id", self.id)
        if not self.applications:
            faults.add("applications", list(self.applications), "give at least one application")
        faults.check_unique("applications", (app.name for app in self.applications), "application")
        counts = (("max_dedicated_nodes", self.max_dedicated_nodes), ("max_low_pri_nodes", self.max_low_pri_nodes))
        for name in ("idle_timeout", "incomplete_timeout"):
            faults.require(name, getattr(self, name), "give a duration")
        check_counts(faults, *counts, self.subnet_id)
        check_shape(faults, self)
        check_worker(faults, self, self.max_dedicated_nodes, self.max_low_pri_nodes)
        check_min_workers(faults, self, self.max_dedicated_nodes, self.max_low_pri_nodes)
        self._check_durations(faults)
        check_fit(faults, self)
        check_jars(faults, self)
        faults.raise_if_any()

    def cluster(self) -> ClusterConfiguration:
        """Return the cluster that the job brings."""
        counts = self.max_lifetime is None or self.idle_timeout < self.max_lifetime
        return ClusterConfiguration(
            cluster_id=self.id,
            vm_count=self.max_dedicated_nodes,
            vm_low_pri_count=self.max_low_pri_nodes,
            vm_size=self.vm_size or DEFAULT_VM_SIZE,
            docker_repo=self.docker_repo or DEFAULT_DOCKER_REPO,
            idle_timeout=self.idle_timeout if counts else None,
            **{name: getattr(self, name) for name in _SHARED_FIELDS},
        )


_SHARED_FIELDS = (
    "custom_scripts",
    "spark_configuration",
    "gpu_enabled",
    "subnet_id",
    "worker_on_master",
    "vm_image",
    "max_lifetime",
    "incomplete_timeout",
    "min_workers",
    "default_cores",
    "task_slots_per_node",
    "ssh_allowed_sources",
    "reserves",
    "metadata",
)
