"""Read the documents of the protocol (:mod:`airflow_provider_aztk.node.contract`) into typed values, or refuse them."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.errors import BadInputError

__all__ = [
    "Application",
    "Cluster",
    "FileRef",
    "Master",
    "Reserves",
    "Script",
    "Secrets",
    "encode",
    "parse",
    "read_file",
    "utc_now",
]


@dataclass(frozen=True)
class FileRef:
    """A file: uploaded (``blob`` and ``name``), or fetched by the node (``url`` and ``name``) or by Spark (``url``).

    :param alias: the folder in which an archive is unpacked
    """

    blob: str = ""
    name: str = ""
    url: str = ""
    alias: str = ""

    @staticmethod
    def from_json(value: Dict[str, Any]) -> FileRef:
        """Read a FILE of the protocol."""
        ref = FileRef(*(value.get(name) or "" for name in ("blob", "name", "url", "alias")))
        plain = "/" not in ref.name + ref.alias and not {ref.name, ref.alias} & {".", ".."}
        if not plain or not (ref.url or (ref.blob and ref.name)):
            shown = {name: value[name] for name in ("blob", "name", "alias") if name in value}
            raise BadInputError(f"a file needs a url, or a blob and a plain name: {shown!r}")
        return ref

    @property
    def sha256(self) -> str:
        """Give the checksum that the blob's name promises."""
        return self.blob.split("/")[1] if self.blob.count("/") >= 2 else ""


@dataclass(frozen=True)
class Reserves:
    """What a worker must not offer, since others on the node need it."""

    system_memory_mb: int = 512
    master_memory_mb: int = 1024
    driver_memory_mb: int = 2048
    cores: int = 0


@dataclass(frozen=True)
class Script:
    """A custom script and where it is to run."""

    name: str
    file: str
    run_on: str


@dataclass(frozen=True)
class Cluster:
    """cluster.json."""

    cluster_id: str
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
    conf: Dict[str, str] = field(default_factory=dict)

    @property
    def target_workers(self) -> int:
        """Give how many workers there should be."""
        return self.nodes - (0 if self.worker_on_master else 1)

    @staticmethod
    def from_json(value: Dict[str, Any]) -> Cluster:
        """Read cluster.json."""
        return Cluster(
            cluster_id=value["cluster_id"],
            mode=value["mode"],
            nodes=int(value["nodes"]),
            gate_timeout_seconds=float(value["gate_timeout_seconds"]),
            worker_on_master=value.get("worker_on_master", True),
            min_workers=value.get("min_workers"),
            default_cores=value.get("default_cores"),
            idle_timeout_seconds=value.get("idle_timeout_seconds"),
            incomplete_timeout_seconds=value.get("incomplete_timeout_seconds"),
            reserves=Reserves(**value.get("reserves", {})),
            scripts=[Script(**script) for script in value.get("scripts", [])],
            jars=_files(value, "jars"),
            conf=_strings(value, "conf"),
        )


@dataclass(frozen=True)
class Application:
    """application.json."""

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
    options: Dict[str, Any] = field(default_factory=dict)
    executor_timeout_seconds: Optional[float] = None

    @staticmethod
    def from_json(value: Dict[str, Any]) -> Application:
        """Read application.json; the driver's and executors' options are kept by their names in it."""
        requirements = value.get("requirements")
        return Application(
            name=value["name"],
            application=FileRef.from_json(value["application"]),
            main_class=value.get("main_class"),
            args=[str(arg) for arg in value.get("args") or []],
            jars=_files(value, "jars"),
            py_files=_files(value, "py_files"),
            files=_files(value, "files"),
            archives=_files(value, "archives"),
            requirements=FileRef.from_json(requirements) if requirements else None,
            packages=[str(package) for package in value.get("packages") or []],
            conf=_strings(value, "conf"),
            env=_strings(value, "env"),
            executor_timeout_seconds=value.get("executor_timeout_seconds"),
            options={name: value.get(name) for name in contract.OPTION_PROPERTIES},
        )


@dataclass(frozen=True)
class Secrets:
    """What only the application itself may know; its text never shows it."""

    conf: Dict[str, str] = field(default_factory=dict, repr=False)
    env: Dict[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def from_json(value: Dict[str, Any]) -> Secrets:
        """Read secrets/apps/NAME.json."""
        return Secrets(_strings(value, "conf"), _strings(value, "env"))


@dataclass(frozen=True)
class Master:
    """master.json: where the master is. Two of them are the same master if they are equal."""

    started: str
    attempt: int
    node_id: str
    host: str
    port: int
    web_port: int

    @property
    def url(self) -> str:
        """Give the URL that Spark knows a master by."""
        return f"spark://{self.host}:{self.port}"

    @staticmethod
    def from_json(value: Dict[str, Any]) -> Master:
        """Read master.json."""
        names = ("started", "attempt", "node_id", "host", "port", "web_port")
        return Master(**{name: value[name] for name in names})

    def to_json(self) -> Dict[str, Any]:
        """Give the document."""
        return {**self.__dict__, "url": self.url}


def parse(data: bytes, what: str) -> Dict[str, Any]:
    """Read JSON of our version; what cannot be used is refused, its content not repeated."""
    try:
        value = json.loads(data)
    except ValueError:
        raise BadInputError(f"{what} is not JSON") from None
    version = value.get("version") if isinstance(value, dict) else None
    if version != contract.PROTOCOL_VERSION:
        raise BadInputError(f"{what} has version {version!r}; this node code understands {contract.PROTOCOL_VERSION}")
    return dict(value)


def read_file(path: str) -> Dict[str, Any]:
    """Read a document that Batch put into the working directory."""
    try:
        with open(path, "rb") as file:
            return parse(file.read(), path)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None


def encode(value: Dict[str, Any]) -> bytes:
    """Write a document, with our version."""
    return json.dumps({"version": contract.PROTOCOL_VERSION, **value}, ensure_ascii=False, indent=1).encode()


def utc_now() -> str:
    """Give the time as ISO 8601."""
    whole, part = divmod(time.time(), 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int(part * 1000):03d}Z"


def local(*parts: str) -> str:
    """Give a path in the task's working directory."""
    return os.path.join(os.environ.get("AZ_BATCH_TASK_WORKING_DIR") or os.getcwd(), *parts)


def _files(value: Dict[str, Any], name: str) -> List[FileRef]:
    return [FileRef.from_json(item) for item in value.get(name) or []]


def _strings(value: Dict[str, Any], name: str) -> Dict[str, str]:
    return {str(key): _text(item) for key, item in (value.get(name) or {}).items()}


def _text(item: Any) -> str:
    """Give a property's text as Spark writes it: true, not True."""
    return str(item).lower() if isinstance(item, bool) else str(item)
