"""The documents that the client writes and nodes read: cluster, application, their files, secrets and the SAS.

:mod:`.blobs` has their names. Client and node code are of the same release, so there is one version of all
documents, and another one is refused. Unknown fields are ignored, except by classes with ``refuses_unknown``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from airflow_provider_aztk.node.contract.json_object import Document, InvalidDocumentError, JsonObject

__all__ = [
    "OPTION_PROPERTIES",
    "SMALLEST_WORKER_MB",
    "Access",
    "Application",
    "Cluster",
    "FileRef",
    "Reserves",
    "Script",
    "Secrets",
]

SMALLEST_WORKER_MB = 512  # a worker offers that much at least, however little memory its node has


@dataclass(frozen=True)
class Access(Document):
    """``access.json``: the only credential on a node.

    :param container_url: URL of the cluster's container with its SAS, which does not allow to delete
    """

    container_url: str = field(repr=False)


@dataclass(frozen=True)
class FileRef(JsonObject):
    """A file that an application or cluster needs, in one of three ways.

    * ``blob`` and ``name``: uploaded; the node downloads it and names it ``name``;
    * ``url`` and ``name``: the node downloads it (https; its query may be a signature) and names it ``name``;
    * ``url``: Spark itself downloads it (https, abfss, wasbs, local...).

    :param alias: of an archive: the folder in each executor's working directory in which Spark unpacks it
    """

    blob: str = ""
    name: str = ""
    url: str = ""
    alias: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FileRef:
        """Return the file; refuse a name that would leave its directory."""
        ref = super().from_json(value)
        plain = "/" not in ref.name + ref.alias and not {ref.name, ref.alias} & {".", ".."}
        if not plain or not (ref.url or (ref.blob and ref.name)):
            shown = {name: value[name] for name in ("blob", "name", "alias") if name in value}
            raise InvalidDocumentError(f"a file needs a url, or a blob and a plain name: {shown!r}")
        return ref

    def to_json(self) -> Dict[str, Any]:
        """Return the fields that are set."""
        return {name: value for name, value in super().to_json().items() if value}

    @property
    def sha256(self) -> str:
        """Return the checksum that the blob's name promises."""
        return self.blob.split("/")[1] if self.blob.count("/") >= 2 else ""


@dataclass(frozen=True)
class Reserves(JsonObject):
    """Memory (MiB) and cores that a worker leaves to other processes on its node."""

    refuses_unknown: ClassVar[bool] = True

    system_memory_mb: int = 1024
    master_memory_mb: int = 1024
    driver_memory_mb: int = 1024
    cores: int = 0


@dataclass(frozen=True)
class Script(JsonObject):
    """A custom script.

    :param name: its name in messages
    :param file: its path below the working directory, e.g. ``node/scripts/00-setup.sh``
    :param run_on: ``all-nodes``, ``master`` or ``worker``
    """

    refuses_unknown: ClassVar[bool] = True

    name: str
    file: str
    run_on: str


@dataclass(frozen=True)
class Cluster(Document):
    """``cluster.json``: the definition of a cluster.

    :param mode: :data:`~.tasks.MODE_CLUSTER` or :data:`~.tasks.MODE_JOB`
    :param nodes: nodes of the pool, the master's included
    :param gate_timeout_seconds: how long applications wait for workers
    :param worker_on_master: whether a worker runs beside the master
    :param min_workers: workers without which the cluster ends instead of running an application
    :param default_cores: ``spark.cores.max`` of applications that do not set it
    :param idle_timeout_seconds: after so long without work the cluster ends
    :param incomplete_timeout_seconds: after so long without all of its tasks the cluster ends
    :param scripts: custom scripts, in the order in which they run
    """

    mode: str
    nodes: int
    gate_timeout_seconds: float
    worker_on_master: bool = True
    min_workers: Optional[int] = None
    default_cores: Optional[int] = None
    idle_timeout_seconds: Optional[float] = None
    incomplete_timeout_seconds: Optional[float] = None
    reserves: Reserves = field(default_factory=Reserves)
    scripts: List[Script] = field(default_factory=list)
    jars: List[FileRef] = field(default_factory=list)

    @property
    def target_workers(self) -> int:
        """Return how many workers there should be."""
        return self.nodes - (0 if self.worker_on_master else 1)


def _option(name: str) -> Any:
    """Return the field of an application's option that is a Spark property under another name."""
    return field(default=None, metadata={"property": name})


@dataclass(frozen=True)
class Application(Document):
    """``application.json``: the definition of an application. The client's model has fields of the same names.

    :param application: the program: a Python file or a jar
    :param main_class: the class to run in a jar
    :param packages: Maven coordinates
    :param max_retry_count: how often Batch runs the task again when it ends non-zero; -1 for always
    :param executor_timeout_seconds: after so long without an executor, none of which any worker could hold, the driver
        is ended; None for never
    """

    name: str
    application: FileRef
    main_class: Optional[str] = None
    args: List[str] = field(default_factory=list)
    jars: List[FileRef] = field(default_factory=list)
    py_files: List[FileRef] = field(default_factory=list)
    files: List[FileRef] = field(default_factory=list)
    archives: List[FileRef] = field(default_factory=list)
    requirements: Optional[FileRef] = None
    packages: List[str] = field(default_factory=list)
    conf: Dict[str, str] = field(default_factory=dict)
    env: Dict[str, str] = field(default_factory=dict)
    max_retry_count: int = 0
    executor_timeout_seconds: Optional[float] = None
    driver_memory: Optional[str] = _option("spark.driver.memory")
    driver_cores: Optional[int] = _option("spark.driver.cores")
    driver_java_options: Optional[str] = _option("spark.driver.extraJavaOptions")
    driver_library_path: Optional[str] = _option("spark.driver.extraLibraryPath")
    driver_class_path: Optional[str] = _option("spark.driver.extraClassPath")
    executor_memory: Optional[str] = _option("spark.executor.memory")
    executor_cores: Optional[int] = _option("spark.executor.cores")
    max_cores: Optional[int] = _option("spark.cores.max")


#: The options of an application that are Spark properties under another name.
OPTION_PROPERTIES: Dict[str, str] = {
    each.name: each.metadata["property"] for each in fields(Application) if "property" in each.metadata
}


@dataclass(frozen=True)
class Secrets(Document):
    """``secrets/apps/NAME.json``: Spark properties and environment variables that only one application may know."""

    conf: Dict[str, str] = field(default_factory=dict, repr=False)
    env: Dict[str, str] = field(default_factory=dict, repr=False)
