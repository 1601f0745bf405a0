"""What Spark, the JVM and Linux take of an application's settings: checked before nodes cost money."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_aztk.node.contract import CLOSED, OPTION_PROPERTIES, SPARK_ENV_REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_aztk.client.models._base import Faults

__all__ = ["check_defaults", "check_environment", "check_properties", "check_size", "memory", "memory_mb"]

#: Linux takes no longer argument or variable, its ending zero included (MAX_ARG_STRLEN).
MAX_ARGUMENT = 131_072
#: Nor more of them together; the limit is 2 MiB, of which the node's own take a part.
MAX_ARGUMENTS = 2 * 1024 * 1024 - MAX_ARGUMENT
#: Spark reserves 300 MiB and refuses a heap of less than one and a half times that.
MIN_MEMORY_MB = 450
#: What an executor takes unless it is told otherwise.
DEFAULT_MEMORY_MB = 1024
_MAX_MEMORY_MB = 64 * 1024 * 1024
_MEMORY = re.compile(r"\s*(?P<number>[0-9]{1,15})\s*(?P<unit>[kmgt])(?:i?b)?\s*", re.I)
_KB = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COORDINATES = re.compile(r"[\w.-]+:[\w.-]+:[\w.+-]+")
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_PROPERTY_NAME = re.compile(r"spark\.\S+")
_MEMORY_PROPERTIES = {"spark.driver.memory": "driver_memory", "spark.executor.memory": "executor_memory"}
_NUMBER_PROPERTIES = ("spark.driver.cores", "spark.executor.cores", "spark.cores.max")
# A driver's JVM is started with its memory as it stands; an executor's is read by Spark, without a unit as MiB.
_WRITTEN = {
    "spark.driver.memory": re.compile(r"[0-9]+[kmgt]", re.I),
    "spark.executor.memory": re.compile(r"[0-9]+([kmgt]b?)?", re.I),
}
_JAVA_OPTIONS = re.compile(r"spark\.(?P<side>driver|executor)\.(extra|default)JavaOptions")
_ON_COMMAND_LINES = ("extraJavaOptions", "extraClassPath", "extraLibraryPath")
_ENFORCED = {
    "spark.master": "the node knows the cluster's master: leave it out",
    "spark.authenticate": "a cluster is closed to others: leave it out",
    "spark.authenticate.secret": "each cluster makes its own: leave it out",
    "spark.master.rest.enabled": "it would open the cluster to others: leave it out",
    "spark.ui.killEnabled": "applications are stopped with stop_application: leave it out",
    "spark.driver.host": "the node knows its address: leave it out",
    "spark.driver.bindAddress": "the node knows its address: leave it out",
    "spark.submit.deployMode": "drivers run on the cluster's nodes in client mode: leave it out",
}
_OWN = {**CLOSED, "spark.submit.deployMode": "client"}
_OWN_ENVIRONMENT = {
    **{name: SPARK_ENV_REFUSED[name] for name in ("SPARK_LOCAL_IP", "SPARK_LOCAL_HOSTNAME")},
    "SPARK_HOME": "the image says where Spark is: leave it out",
    "SPARK_CONF_DIR": "the node lays out the configuration: leave it out and use conf",
}


def memory(value: object) -> object:
    """Write a size as both Spark and the JVM take it (``1gb`` and ``1 G`` are ``1g``); another value stays."""
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    return f"{int(match['number'])}{match['unit'].lower()}" if match else value


def memory_mb(value: object) -> int | None:
    """Return a size in MiB, or None where it is none."""
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    return int(match["number"]) * _KB[match["unit"].lower()] // 1024 if match else None


def check_size(faults: Faults, field: str, value: object) -> None:
    """Check the memory of a driver or executor; None passes."""
    if value is None:
        return
    size = memory_mb(value)
    if size is None:
        faults.add(field, value, "give a whole number and a unit, such as '512m' or '2G'")
    elif size < MIN_MEMORY_MB:
        faults.add(field, value, f"give at least {MIN_MEMORY_MB}m: Spark does not start with less")
    elif size > _MAX_MEMORY_MB:
        faults.add(field, value, "give less than 64t: no machine has as much")


def check_properties(faults: Faults, name: str, properties: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Check Spark properties.

    :param options: the application's fields that are properties as well.
    """
    for key, value in properties.items():
        field = f"{name}.{key}"
        if not isinstance(key, str) or not isinstance(value, str):
            continue  # it is told already
        if not _PROPERTY_NAME.fullmatch(key):
            faults.add(field, value, _name_of_a_property(key))
        elif key in _ENFORCED and value.strip() != _OWN.get(key):
            faults.add(field, value, _ENFORCED[key])
        elif key in _MEMORY_PROPERTIES:
            check_size(faults, field, value)
        elif key in _NUMBER_PROPERTIES and not _WHOLE.fullmatch(value.strip()):
            faults.add(field, value, "give a whole number of at least 1")
        else:
            check_java_options(faults, field, key, value)
    for option, key in OPTION_PROPERTIES.items():
        given = options.get(option)
        if given is not None and key in properties and str(properties[key]) != str(given):
            faults.add(f"{name}.{key}", properties[key], f"it is given twice: keep this or {option}")


def check_java_options(faults: Faults, field: str, key: str, value: str) -> None:
    """Check that the options of a JVM set nothing that Spark wants to be given otherwise: it does not start then.

    :param key: the Spark property that they are.
    """
    match = _JAVA_OPTIONS.fullmatch(key)
    if match and "-Xmx" in value:
        faults.add(field, value, f"leave -Xmx out: Spark takes the size of the heap from {match['side']}_memory alone")
    elif match and match["side"] == "executor" and "-Dspark" in value:
        faults.add(field, value, "leave -Dspark... out: Spark's properties belong into conf")


def check_defaults(faults: Faults, field: str, properties: Mapping[str, str]) -> None:
    """Check the properties of a spark-defaults.conf.

    Those that the cluster sets itself would be overridden; the others must be written as Spark and the JVM take them,
    since the file stays as it is.
    """
    for key, given in properties.items():
        path, value = f"{field}: {key}", given.strip()
        if key in _ENFORCED:
            if value != _OWN.get(key):
                faults.add(path, given, _ENFORCED[key])
        elif key in _WRITTEN and "${" not in value:  # Spark puts another property there
            _check_written(faults, path, key, value)
        elif key in _NUMBER_PROPERTIES and "${" not in value and not _WHOLE.fullmatch(value):
            faults.add(path, given, "give a whole number of at least 1")
        else:
            check_java_options(faults, path, key, value)


def _check_written(faults: Faults, path: str, key: str, value: str) -> None:
    if _WRITTEN[key].fullmatch(value) or memory_mb(value) is None:
        check_size(faults, path, _with_unit(key, value))
    else:
        faults.add(path, value, f"write it as {memory(value)!r}, as Spark and the JVM take it")


def _name_of_a_property(key: str) -> str:
    if key.strip() != key or any(char.isspace() for char in key):
        return "the name of a Spark property has no blanks"
    if key.startswith(("fs.", "hadoop.", "dfs.", "io.")):
        return f"Spark ignores it: Hadoop's properties are named 'spark.hadoop.{key}'"
    return "Spark ignores it: its properties begin with 'spark.'; variables belong into env"


def check_environment(faults: Faults, name: str, variables: Mapping[str, Any]) -> None:
    """Check the names of variables and how long each of them is."""
    for key, value in variables.items():
        if not isinstance(key, str) or not isinstance(value, str):
            continue
        field = f"{name}.{key}"
        if not _ENV_NAME.fullmatch(key):
            faults.add(field, value, "name it with letters, digits and '_', and no digit first")
        elif key in _OWN_ENVIRONMENT:
            faults.add(field, value, _OWN_ENVIRONMENT[key])
        elif _bytes(key) + 1 + _bytes(value) >= MAX_ARGUMENT:
            faults.add(field, value, "Linux takes at most 128 KiB of a variable: put it into a file (files)")


def check_arguments(faults: Faults, app: Any) -> None:
    """Check what stands on a command line, argument by argument and all together."""
    before = len(faults.found)
    texts = list(_arguments(app))
    for field, text in texts:
        if _bytes(text) >= MAX_ARGUMENT:
            faults.add(field, text, "Linux takes at most 128 KiB of an argument: put it into a file (files)")
    if len(faults.found) > before:
        return
    variables = [f"{key}={value}" for name in ("env", "secret_env") for key, value in getattr(app, name).items()]
    total = sum(_bytes(text) + 9 for text in [*(text for _, text in texts), *variables])  # with pointer and zero
    if total > MAX_ARGUMENTS:
        shown = f"{total} bytes with env"
        faults.add("application_args", shown, f"Linux takes about {MAX_ARGUMENTS} bytes: put them into a file (files)")


def _arguments(app: Any) -> Iterable[tuple[str, str]]:
    for index, text in enumerate(app.application_args):
        yield f"application_args[{index}]", text
    for name in ("main_class", "driver_java_options", "driver_library_path", "driver_class_path"):
        yield name, getattr(app, name) or ""
    for name in ("conf", "secret_conf"):
        for key, value in getattr(app, name).items():
            if isinstance(value, str) and (str(key).endswith(_ON_COMMAND_LINES) or ".executorEnv." in str(key)):
                yield f"{name}.{key}", value


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def check_packages(faults: Faults, packages: Iterable[str]) -> None:
    """Check Maven coordinates as Spark takes them."""
    for index, package in enumerate(packages):
        if isinstance(package, str) and not _COORDINATES.fullmatch(package):
            faults.add(f"packages[{index}]", package, "give 'group:artifact:version'")


def check_class(faults: Faults, field: str, value: object) -> None:
    """Check the name of a class of Java or Scala; None passes."""
    if isinstance(value, str) and value and not all(p.replace("$", "_").isidentifier() for p in value.split(".")):
        faults.add(field, value, "give the name of a class with its package, such as 'org.example.Main'")


def check_cores(faults: Faults, path: str, app: Any, default: object) -> None:
    """Check that an application may take as many cores as one of its executors needs: it would wait for ever.

    :param path: where the application stands, for the error.
    :param default: the cores that it may take unless it says so itself; None for no limit.
    """
    each = next(iter(_given(app, "executor_cores", "spark.executor.cores", "conf")), None)
    most = next(iter(_given(app, "max_cores", "spark.cores.max", "conf")), None)
    if each is None or not _WHOLE.fullmatch(str(each[1]).strip()):
        return
    if most is None:
        if isinstance(default, int) and 0 < default < int(each[1]):
            faults.add("default_cores", default, f"give at least {each[1]}: so many does {path}{each[0]} ask for")
    elif default is None and _WHOLE.fullmatch(str(most[1]).strip()) and int(most[1]) < int(each[1]):
        faults.add(f"{path}{most[0]}", most[1], f"give at least {each[1]}: an executor takes {each[0]}={each[1]}")


class NodeSize(NamedTuple):
    """What a node has.

    :param name: its VM size.
    :param cores: its vCPUs; None where its name does not tell, as with the others.
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
            _check_one_fit(faults, f"{path}: {key}", key, _with_unit(key, properties[key].strip()), node)


def check_least(faults: Faults, path: str, app: Any, properties: Mapping[str, str], node: NodeSize) -> None:
    """Check that a worker offers what an executor takes by default."""
    key = "spark.executor.memory"
    if node.room_mb is None or node.room_mb >= DEFAULT_MEMORY_MB or key in properties:
        return
    if not list(_given(app, "executor_memory", key, *_MAPS)):
        fix = f"give at most {node.room_mb}m: a worker on {node.name} has no more, and Spark's default is 1g"
        faults.add(f"{path}executor_memory", None, fix)


def _with_unit(key: str, value: str) -> str:
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
