"""What Spark, the JVM and Linux take of properties, variables and arguments: checked before nodes cost money."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models._spark import WHOLE, memory, memory_mb, size_fix, with_unit
from airflow_provider_aztk.node.contract import CLOSED, OPTION_PROPERTIES, SPARK_ENV_REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_aztk.client.models._faults import Faults

#: Linux takes no longer argument or variable, its ending zero included (MAX_ARG_STRLEN).
MAX_ARGUMENT = 131_072
#: Nor more of them together; the limit is 2 MiB, of which the node's own take a part.
MAX_ARGUMENTS = 2 * 1024 * 1024 - MAX_ARGUMENT
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COORDINATES = re.compile(r"[\w.-]+:[\w.-]+:[\w.+-]+")
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


def check_properties(faults: Faults, name: str, properties: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Check Spark properties.

    :param options: the application's fields that are properties as well.
    """
    for key, value in properties.items():
        field = f"{name}.{key}"
        if not isinstance(key, str) or not isinstance(value, str):
            continue  # reported by the field's type
        if not _PROPERTY_NAME.fullmatch(key):
            faults.add(field, value, _name_of_a_property(key))
        elif key in _ENFORCED and value.strip() != _OWN.get(key):
            faults.add(field, value, _ENFORCED[key])
        elif key in _MEMORY_PROPERTIES:
            _check_size(faults, field, value)
        elif key in _NUMBER_PROPERTIES and not WHOLE.fullmatch(value.strip()):
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
        elif key in _NUMBER_PROPERTIES and "${" not in value and not WHOLE.fullmatch(value):
            faults.add(path, given, "give a whole number of at least 1")
        else:
            check_java_options(faults, path, key, value)


def _check_written(faults: Faults, path: str, key: str, value: str) -> None:
    if _WRITTEN[key].fullmatch(value) or memory_mb(value) is None:
        _check_size(faults, path, with_unit(key, value))
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


def _check_size(faults: Faults, field: str, value: str) -> None:
    if wrong := size_fix(value):
        faults.add(field, value, wrong)
