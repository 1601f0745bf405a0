"""A Spark application to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator

from airflow_provider_aztk.client.models import _spark, _spark_properties
from airflow_provider_aztk.client.models._base import ConfigModel
from airflow_provider_aztk.client.models._files import NO_URI, UserFile, check_files, fit_name, kind_of, user_file
from airflow_provider_aztk.client.models._readers import is_file
from airflow_provider_aztk.client.models._types import (
    Duration,
    FilePath,
    Id,
    Switch,
    Text,
    TextMap,
    Texts,
    Whole,
    fix,
    listed,
)
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

__all__ = ["ApplicationConfiguration", "Applications"]

#: The largest whole number that Azure Batch and Spark take.
MAX_NUMBER = 2**31 - 1


def _not_reserved(name: str) -> str:
    if name.lower().startswith(contract.RESERVED_PREFIX):
        raise ValueError(f"choose a name that does not begin with {contract.RESERVED_PREFIX!r}, which is reserved")
    return name


def _memory(value: str) -> str:
    if wrong := _spark.size_fix(value):
        raise ValueError(wrong)
    return value


def _program(path: str) -> str:
    if not path:
        raise ValueError("give the path of a jar or Python file")
    return path


def _with_sizes(properties: dict[str, str]) -> dict[str, str]:
    """Write the sizes among Spark properties as the JVM takes them, too."""
    sizes = ("spark.driver.memory", "spark.executor.memory")
    return {name: str(_spark.memory(value)) if name in sizes else value for name, value in properties.items()}


Cores = Annotated[int, Whole(1, MAX_NUMBER)]
Memory = Annotated[Text, BeforeValidator(_spark.memory), AfterValidator(_memory)]
Properties = Annotated[TextMap, AfterValidator(_with_sizes)]


@dataclass(frozen=True)
class ApplicationConfiguration(ConfigModel):
    """A Spark application to run (spark.apache.org/docs/latest/submitting-applications.html).

    :param name: unique among the applications of its cluster or job; letters, digits, ``-`` and ``_``, at most 64.
    :param application: path of a jar or Python file, or a URL; which of them it is, its path says, and not its query.
    :param application_args: arguments, passed on unchanged.
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
    :param max_retry_count: how often Batch runs the application again when it ends non-zero.
    :param archives: .zip, .tar.gz, .tgz, .tar or .jar files, unpacked in the working directory of each executor, in a
        folder of the archive's name, or of the one behind ``#``: ``env.tar.gz#env``.
    :param max_cores: the most cores the application may take of the cluster (``spark.cores.max``); default no limit.
    :param conf: Spark properties.
    :param packages: Maven coordinates ``group:artifact:version``.
    :param requirements: path of a pip requirements file, installed for the driver.
    :param env: environment of the driver.
    :param hadoop_azure: add Hadoop's connector for Azure storage, which neither Spark nor its image has, and the
        settings for abfss: and wasbs: URLs. Keys and tokens belong into ``secret_conf``.
    :param secret_conf: Spark properties that are secret: they travel in a file that only the cluster reads.
    :param secret_env: environment of the driver that is secret, likewise.
    :param executor_timeout: the application fails after this long without any executor where it asks for more memory
        or cores an executor than any worker offers. One that waits for its turn is left alone, and
        so is one with ``spark.ui.enabled=false``.
    :param max_wall_clock: Batch ends the application after this long; default no limit.
    """

    name: Annotated[Id, AfterValidator(_not_reserved)]
    application: Annotated[Text, AfterValidator(_program), fix("give the path of a jar or Python file")]
    application_args: Texts = ()
    main_class: Text | None = None
    jars: Texts = ()
    py_files: Texts = ()
    files: Texts = ()
    driver_java_options: Text | None = None
    driver_library_path: Text | None = None
    driver_class_path: Text | None = None
    driver_memory: Memory | None = None
    executor_memory: Memory | None = None
    driver_cores: Cores | None = None
    executor_cores: Cores | None = None
    max_retry_count: Annotated[int, Whole(-1, MAX_NUMBER)] = 0
    _: KW_ONLY
    archives: Texts = ()
    max_cores: Cores | None = None
    conf: Properties = field(default_factory=dict)
    packages: Texts = ()
    requirements: FilePath | None = None
    hadoop_azure: Switch = False
    env: TextMap = field(default_factory=dict)
    secret_conf: Properties = field(default_factory=dict, repr=False)
    secret_env: TextMap = field(default_factory=dict, repr=False)
    max_wall_clock: Duration | None = None
    executor_timeout: Duration | None = None

    def _check(self, faults: Faults) -> None:
        if faults.is_open("application"):
            self._check_program(faults)
        for name in ("jars", "py_files", "files", "archives"):
            check_files(faults, name, getattr(self, name))
        if faults.is_open("application"):
            self._check_file_names(faults)
        _spark.check_cores(faults, "", self, None)
        self._check_texts(faults)

    def _check_file_names(self, faults: Faults) -> None:
        """Check that files of several fields can stand side by side in the driver's working directory."""
        lists = {"application": (self.application,), "jars": self.jars, "py_files": self.py_files, "files": self.files}
        seen: dict[str, tuple[str, str, UserFile]] = {}
        for list_name, paths in lists.items():
            for index, path in enumerate(paths):
                file = user_file(path)
                if file.remote and not file.by_node:
                    continue
                where = list_name if list_name == "application" else f"{list_name}[{index}]"
                placed = file.name if list_name == "files" else fit_name(file.name)
                first, other_where, other = seen.setdefault(placed, (list_name, where, file))
                reported = first == list_name and other.name == file.name  # by check_files
                if other.whole != file.whole and not reported:
                    fix = f"{other_where} has the same file name, and both stand in the driver's working directory"
                    faults.add(where, path, f"{fix}: rename one")

    def _check_texts(self, faults: Faults) -> None:
        options = {name: getattr(self, name) for name in contract.OPTION_PROPERTIES}
        for name in ("conf", "secret_conf"):
            _spark_properties.check_properties(faults, name, getattr(self, name), options)
        for name in ("env", "secret_env"):
            _spark_properties.check_environment(faults, name, getattr(self, name))
        for plain, secret in (("conf", "secret_conf"), ("env", "secret_env")):
            for name in getattr(self, plain).keys() & getattr(self, secret).keys():
                faults.add(f"{secret}.{name}", getattr(self, secret)[name], f"it is in {plain}, too: keep one")
        _spark_properties.check_java_options(
            faults, "driver_java_options", "spark.driver.extraJavaOptions", self.driver_java_options or ""
        )
        _spark_properties.check_packages(faults, self.packages)
        _spark_properties.check_arguments(faults, self)

    def _check_program(self, faults: Faults) -> None:
        file = user_file(self.application)
        if not file.remote:
            self._check_local(faults, file.path)
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
        _spark_properties.check_class(faults, "main_class", self.main_class)
        kind = kind_of(self.application)
        if kind == "jar" and not self.main_class:
            faults.add("main_class", self.main_class, "name the class with the main method of the jar")
        elif kind == "py" and self.main_class:
            faults.add("main_class", self.main_class, "leave it out: it applies to jars only")
        elif kind not in ("jar", "py"):
            faults.add("application", self.application, "give a .jar or a .py file")

    def _check_local(self, faults: Faults, path: str) -> None:
        if not path:
            faults.add("application", path, "give the path of a file")
        elif not is_file(path):
            faults.add("application", path, "no such file: give the path of an existing file")


Applications = Annotated[Sequence[ApplicationConfiguration], listed("give a list"), AfterValidator(tuple)]
