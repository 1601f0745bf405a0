"""Memory and cores of drivers and executors: how they are written, and what fits on a node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_aztk.client.models._faults import Faults

#: Spark reserves 300 MiB and refuses a heap of less than one and a half times that.
MIN_MEMORY_MB = 450
#: What an executor takes by default.
DEFAULT_MEMORY_MB = 1024
_MAX_MEMORY_MB = 64 * 1024 * 1024
_MEMORY = re.compile(r"\s*(?P<number>[0-9]{1,15})\s*(?P<unit>[kmgt])(?:i?b)?\s*", re.I)
_KB = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}
WHOLE = re.compile(r"[1-9][0-9]{0,8}")


def memory(value: object) -> object:
    """Write a size as both Spark and the JVM take it (``1gb`` and ``1 G`` are ``1g``); another value stays."""
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    return f"{int(match['number'])}{match['unit'].lower()}" if match else value


def memory_mb(value: object) -> int | None:
    """Return a size in MiB, or None where it is none."""
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    return int(match["number"]) * _KB[match["unit"].lower()] // 1024 if match else None


def size_fix(value: object) -> str:
    """Return what to do about the memory of a driver or executor; nothing where it is good."""
    size = memory_mb(value)
    if size is None:
        return "give a whole number and a unit, such as '512m' or '2G'"
    if size < MIN_MEMORY_MB:
        return f"give at least {MIN_MEMORY_MB}m: Spark does not start with less"
    return "give less than 64t: no machine has as much" if size > _MAX_MEMORY_MB else ""


def check_cores(faults: Faults, path: str, app: Any, default: object) -> None:
    """Check that an application may take as many cores as one of its executors needs: it would wait for ever.

    :param path: where the application stands, for the error.
    :param default: the cores that it may take unless it says so itself; None for no limit.
    """
    each = next(iter(_given(app, "executor_cores", "spark.executor.cores", "conf")), None)
    most = next(iter(_given(app, "max_cores", "spark.cores.max", "conf")), None)
    if each is None or not WHOLE.fullmatch(str(each[1]).strip()):
        return
    if most is None:
        if isinstance(default, int) and 0 < default < int(each[1]):
            faults.add("default_cores", default, f"give at least {each[1]}: so many does {path}{each[0]} ask for")
    elif default is None and WHOLE.fullmatch(str(most[1]).strip()) and int(most[1]) < int(each[1]):
        faults.add(f"{path}{most[0]}", most[1], f"give at least {each[1]}: an executor takes {each[0]}={each[1]}")


class NodeSize(NamedTuple):
    """What a node has.

    :param name: its VM size.
    :param cores: its vCPUs; None where its name does not have it, as with the others.
    :param room_mb: the memory that a worker offers at most.
    :param memory_mb: all of its memory.
    """

    name: str
    cores: int | None
    room_mb: int | None
    memory_mb: int | None


_FIT = {
    "executor_memory": "spark.executor.memory",
    "executor_cores": "spark.executor.cores",
    "driver_memory": "spark.driver.memory",
}
_MAPS = ("conf", "secret_conf")


def check_fit(faults: Faults, path: str, app: Any, node: NodeSize) -> None:
    """Check that an executor of an application fits on a node: Spark would wait for one for ever.

    :param path: where the application stands, for the error.
    """
    for name, key in _FIT.items():
        for field, value in _given(app, name, key, *_MAPS):
            _check_one_fit(faults, f"{path}{field}", key, value, node)


def check_defaults_fit(
    faults: Faults, path: str, properties: Mapping[str, str], apps: Iterable[Any], node: NodeSize
) -> None:
    """Check that what a spark-defaults.conf asks for fits on a node, where an application does not say otherwise."""
    for name, key in _FIT.items():
        if key in properties and any(not list(_given(app, name, key, *_MAPS)) for app in apps):
            _check_one_fit(faults, f"{path}: {key}", key, with_unit(key, properties[key].strip()), node)


def check_least(faults: Faults, path: str, app: Any, properties: Mapping[str, str], node: NodeSize) -> None:
    """Check that a worker offers what an executor takes by default."""
    key = "spark.executor.memory"
    if node.room_mb is None or node.room_mb >= DEFAULT_MEMORY_MB or key in properties:
        return
    if not list(_given(app, "executor_memory", key, *_MAPS)):
        fix = f"give at most {node.room_mb}m: a worker on {node.name} has no more, and Spark's default is 1g"
        faults.add(f"{path}executor_memory", None, fix)


def with_unit(key: str, value: str) -> str:
    """Return the value of a memory property with its unit: that of an executor is MiB where none is written."""
    return f"{value}m" if key == "spark.executor.memory" and value.isdigit() else value


def _check_one_fit(faults: Faults, field: str, key: str, value: Any, node: NodeSize) -> None:
    if key.endswith(".cores"):
        if node.cores is not None and str(value).strip().isdigit() and int(value) > node.cores:
            fix = f"give at most {node.cores}: {node.name} has no more, and Spark would wait for ever"
            faults.add(field, value, fix)
        return
    for_executor = key == "spark.executor.memory"
    most, wanted = node.room_mb if for_executor else node.memory_mb, memory_mb(value)
    if most is not None and wanted is not None and wanted > most:
        why = f"a worker on {node.name} has no more, and Spark would wait for ever"
        why = why if for_executor else f"{node.name} has no more"
        faults.add(field, value, f"give at most {most}m, or take larger nodes: {why}")


def _given(app: Any, field: str, key: str, *maps: str) -> Iterable[tuple[str, Any]]:
    if getattr(app, field) is not None:
        yield field, getattr(app, field)
        return
    for name in maps:
        found = getattr(app, name)
        if isinstance(found, dict) and key in found:
            yield f"{name}.{key}", found[key]
            return
