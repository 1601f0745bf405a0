"""AZTK's YAML files: their keys, older ones too, to and from the fields of the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError
from airflow_provider_aztk.client.models._read import TEXT_MAPS, is_path, parse, text_of
from airflow_provider_aztk.client.models._readers import is_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CLUSTER_KEYS = {
    "id": "cluster_id",
    "size": "vm_count",
    "vm_count": "vm_count",
    "max_dedicated_nodes": "vm_count",
    "size_low_priority": "vm_low_pri_count",
    "size_low_pri": "vm_low_pri_count",
    "vm_low_pri_count": "vm_low_pri_count",
}
JOB_CLUSTER_KEYS = {
    "size": "max_dedicated_nodes",
    "vm_count": "max_dedicated_nodes",
    "size_low_priority": "max_low_pri_nodes",
    "size_low_pri": "max_low_pri_nodes",
    "vm_low_pri_count": "max_low_pri_nodes",
}
SCRIPT_KEYS = {"runOn": "run_on"}
_SPARK_FILES = {
    "spark_defaults_conf": "spark-defaults.conf",
    "spark_env_sh": "spark-env.sh",
    "core_site_xml": "core-site.xml",
}
TOOLKIT_KEYS = ("software", "version", "environment", "environment_version", "docker_repo", "docker_run_options")
_DRIVER_TEXTS = ("driver_java_options", "driver_library_path", "driver_class_path")
_OLDEST_IMAGE = (3, 3)
_LIKE_A_KEY_FILE = re.compile(r"[~./\\]|.*\.(pub|pem)$|id_\w+$")
# AZTK's own settings of the command line, which name no property of the cluster.
CLI_ONLY = {"wait": "it is a parameter of create_cluster", "username": "create users with create_user"}


def read(model: str, source: str | Path) -> tuple[dict[str, Any], list[FieldError]]:
    """Read the fields of a model from a YAML file, or from YAML text.

    :return: the fields, and what is wrong with the rest.
    :raises InvalidConfigurationError: for what is no file, no YAML or no mapping.
    """
    folder: Path | None = None
    if isinstance(source, Path) or is_path(str(source)):
        path = Path(str(source).strip() if isinstance(source, str) else source).expanduser()
        folder, text = path.parent, text_of(path, model)
    else:
        text = str(source)
    data = parse(text, model)
    if not isinstance(data, dict):
        raise InvalidConfigurationError(model, [FieldError("(file)", type(data).__name__, "give a mapping at the top")])
    return from_aztk(model, data, folder)


def from_aztk(
    model: str, data: Mapping[str, Any], folder: Path | None = None
) -> tuple[dict[str, Any], list[FieldError]]:
    """Turn the keys of AZTK's files into the fields of a model, and note what is wrong; blank values are not set."""
    readers: dict[str, Callable[[dict[str, Any], Path | None, list[FieldError]], dict[str, Any]]] = {
        "ClusterConfiguration": _cluster,
        "JobConfiguration": _job,
        "ApplicationConfiguration": lambda found, beside, _: _application(found, beside),
        "CustomScript": lambda found, beside, _: _script(found, beside),
        "SparkConfiguration": lambda found, beside, _: _spark_files(found, beside),
        "SecretsConfiguration": _secrets,
    }
    faults: list[FieldError] = []
    reader = readers.get(model)
    clean = _without_blanks(dict(data))
    return (reader(clean, folder, faults) if reader else clean), faults


def write(model: str, fields: Mapping[str, Any]) -> str:
    """Write the fields of a model as the text of an AZTK YAML file."""
    import yaml

    data = dict(fields)
    if model == "ClusterConfiguration":
        names = {"cluster_id": "id", "vm_count": "size", "vm_low_pri_count": "size_low_priority"}
        data = {names.get(name, name): value for name, value in data.items()}
        data = _scripts_out(data)
    elif model == "JobConfiguration":
        data = {"job": _scripts_out(data)}
    # PyYAML loses some line separators of Unicode when it may write them as they are, so it writes escapes.
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=False))


def _without_blanks(value: Any, key: str = "") -> Any:
    """Drop the fields that are None; in lists and among names and texts None is a value that is missing."""
    if isinstance(value, dict):
        return {
            name: _without_blanks(item, str(name))
            for name, item in value.items()
            if item is not None or key in TEXT_MAPS
        }
    if isinstance(value, list):
        return [_without_blanks(item) for item in value]
    return value


def _take(data: dict[str, Any], names: Mapping[str, str], path: str, faults: list[FieldError]) -> dict[str, Any]:
    """Rename the keys to fields; note those that are given twice."""
    result: dict[str, Any] = {}
    for name, value in data.items():
        given = names.get(name, name)
        if given in result and result[given] != value:
            faults.append(FieldError(path + name, repr(value), f"{given} is given twice: keep one"))
        result.setdefault(given, value)
    return result


def _cluster(data: dict[str, Any], folder: Path | None, faults: list[FieldError]) -> dict[str, Any]:
    for name, why in CLI_ONLY.items():
        if data.pop(name, None):
            faults.append(FieldError(name, "(given)", f"take it out: {why}"))
    return _common(_take(data, CLUSTER_KEYS, "", faults), folder, faults)


def _job(data: dict[str, Any], folder: Path | None, faults: list[FieldError]) -> dict[str, Any]:
    job = data.pop("job", data)
    faults.extend(FieldError(str(name), "(given)", "move it under 'job'") for name in data if job is not data)
    if not isinstance(job, dict):
        faults.append(FieldError("job", type(job).__name__, "give a mapping"))
        return {}
    inner = job.get("cluster_configuration") or {}
    if not isinstance(inner, dict):
        faults.append(FieldError("cluster_configuration", type(inner).__name__, "give a mapping"))
        inner = {}
    result = {name: value for name, value in job.items() if name != "cluster_configuration"}
    inner = dict(inner)
    for name, why in CLI_ONLY.items():
        for part, path in ((result, ""), (inner, "cluster_configuration.")):
            if part.pop(name, None):
                faults.append(FieldError(path + name, "(given)", f"take it out: {why}"))
    for name, value in _take(inner, JOB_CLUSTER_KEYS, "cluster_configuration.", faults).items():
        if result.setdefault(name, value) != value:
            faults.append(FieldError(f"cluster_configuration.{name}", repr(value), "it is given twice: keep one"))
    if isinstance(result.get("applications"), list):
        result["applications"] = [_application(app, folder) for app in result["applications"]]
    return _common(result, folder, faults)


def _application(app: Any, folder: Path | None) -> Any:
    if not isinstance(app, dict):
        return app
    result = {name: value for name, value in app.items() if value is not None}
    for name in _DRIVER_TEXTS:  # AZTK's own template has a list with a blank item here
        if result.get(name) == []:
            result.pop(name)
    for name in ("application", "requirements"):
        if name in result:
            result[name] = _beside(result[name], folder)
    for name in ("jars", "py_files", "files", "archives"):
        if isinstance(result.get(name), list):
            result[name] = [_beside(item, folder) for item in result[name]]
    return result


def _common(data: dict[str, Any], folder: Path | None, faults: list[FieldError]) -> dict[str, Any]:
    result = dict(data)
    toolkit = result.pop("toolkit", None)
    if toolkit is not None:
        _apply_toolkit(result, toolkit, faults)
    for name in ("plugins", "file_shares"):  # an empty list asks for nothing
        if not result.get(name, True):
            result.pop(name)
    if isinstance(result.get("custom_scripts"), list):
        result["custom_scripts"] = [_script(script, folder) for script in result["custom_scripts"]]
    spark = _spark_files(result.get("spark_configuration"), folder)
    if spark:
        result["spark_configuration"] = spark
    return result


def _apply_toolkit(result: dict[str, Any], toolkit: Any, faults: list[FieldError]) -> None:
    if not isinstance(toolkit, dict):
        faults.append(FieldError("toolkit", repr(toolkit), "give a mapping"))
        return
    faults.extend(
        FieldError(f"toolkit.{name}", "(given)", "unknown: give docker_repo")
        for name in toolkit
        if name not in TOOLKIT_KEYS
    )
    if toolkit.get("software", "spark") != "spark":
        faults.append(FieldError("toolkit.software", repr(toolkit["software"]), "only 'spark' is supported"))
    for name in ("environment", "environment_version", "docker_run_options"):
        if toolkit.get(name):
            faults.append(
                FieldError(f"toolkit.{name}", repr(toolkit[name]), "AZTK's images are retired: give docker_repo")
            )
    if toolkit.get("docker_repo"):
        result.setdefault("docker_repo", toolkit["docker_repo"])
    elif toolkit.get("version") and not result.get("docker_repo"):
        version = str(toolkit["version"])
        numbers = re.fullmatch(r"(\d+)\.(\d+)\.\d+", version)
        if numbers and (int(numbers[1]), int(numbers[2])) >= _OLDEST_IMAGE:
            result["docker_repo"] = f"apache/spark:{version}-python3"
        else:
            fix = "the images of apache/spark begin with 3.3.0: give such a version in full, or docker_repo"
            faults.append(FieldError("toolkit.version", repr(version), fix))


def _script(script: Any, folder: Path | None) -> Any:
    if not isinstance(script, dict):
        return script
    result = {SCRIPT_KEYS.get(name, name): value for name, value in script.items()}
    if "script" in result:
        result["script"] = _beside(result["script"], folder)
    return result


def _spark_files(given: Any, folder: Path | None) -> Any:
    if given is not None and not isinstance(given, dict):
        return given
    spark = dict(given or {})
    for field, name in _SPARK_FILES.items():
        if field in spark:
            spark[field] = _beside(spark[field], folder)
        elif folder and (folder / name).is_file():
            spark[field] = str(folder / name)
    if "jars" in spark:
        jars = spark["jars"]
        spark["jars"] = [_beside(jar, folder) for jar in jars] if isinstance(jars, list) else jars
    elif folder and (folder / "jars").is_dir():
        jars = [str(path) for path in sorted((folder / "jars").glob("*.jar"))]
        spark.update({"jars": jars} if jars else {})
    return spark


def _secrets(data: dict[str, Any], folder: Path | None, faults: list[FieldError]) -> dict[str, Any]:
    result = {name: value for name, value in data.items() if name != "default"}
    for name in ("service_principal", "shared_key", "docker"):
        if result.get(name) == {}:  # all of its values are blank
            result.pop(name)
    old = data.get("default") or {}
    if not isinstance(old, dict):
        faults.append(FieldError("default", "'***'", "give a mapping"))
        old = {}
    for name in ("ssh_pub_key", "ssh_priv_key"):
        if name in old:
            result.setdefault(name, old[name])
        value = _beside(result.get(name), folder)
        if not isinstance(value, str) or "\n" in value.strip():
            continue
        if is_file(value):
            result[name] = text_of(Path(value), "SecretsConfiguration").strip()
        elif _LIKE_A_KEY_FILE.match(value):
            faults.append(
                FieldError(name, "'***'", "no such file: give the key itself, or the path of an existing file")
            )
            result.pop(name)
    return result


def _beside(path: Any, folder: Path | None) -> Any:
    """Take a relative path as relative to the file that names it, where such a file exists."""
    if folder is None or not isinstance(path, str) or path.startswith(("/", "~")) or "://" in path:
        return path
    name, mark, alias = path.rpartition("#")
    if mark and is_file(folder / name) and not is_file(folder / path):
        return f"{folder / name}#{alias}"
    return str(folder / path) if is_file(folder / path) else path


def _scripts_out(data: dict[str, Any]) -> dict[str, Any]:
    if "custom_scripts" not in data:
        return data
    scripts = [{("runOn" if k == "run_on" else k): v for k, v in script.items()} for script in data["custom_scripts"]]
    return {**data, "custom_scripts": scripts}
