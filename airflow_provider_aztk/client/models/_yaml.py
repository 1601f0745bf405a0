"""AZTK's YAML files: their keys, older ones too, to and from the fields of the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.errors import Fault, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CLUSTER_KEYS = {
    "id": "cluster_id",
    "size": "vm_count",
    "vm_count": "vm_count",
    "max_dedicated_nodes": "vm_count",
    "size_low_priority": "vm_low_pri_count",
    "size_low_pri": "vm_low_pri_count",
    "vm_low_pri_count": "vm_low_pri_count",
}
_JOB_CLUSTER_KEYS = {
    "size": "max_dedicated_nodes",
    "vm_count": "max_dedicated_nodes",
    "size_low_priority": "max_low_pri_nodes",
    "size_low_pri": "max_low_pri_nodes",
    "vm_low_pri_count": "max_low_pri_nodes",
}
_SPARK_FILES = {
    "spark_defaults_conf": "spark-defaults.conf",
    "spark_env_sh": "spark-env.sh",
    "core_site_xml": "core-site.xml",
}
_TOOLKIT_KEYS = ("software", "version", "environment", "environment_version", "docker_repo", "docker_run_options")
# AZTK's own settings of the command line, which name no property of the cluster.
_CLI_ONLY = {"wait": "it is a parameter of create_cluster", "username": "create users with create_user"}


def read(model: str, source: str | Path) -> dict[str, Any]:
    """Read the fields of a model from a YAML file, or from YAML text."""
    folder: Path | None = None
    text = str(source)
    if isinstance(source, Path) or ("\n" not in text and ":" not in text):
        path = Path(source).expanduser()
        if not path.is_file():
            raise InvalidConfigurationError(
                model, [Fault("(file)", repr(text), "give the path of an existing YAML file")]
            )
        folder, text = path.parent, path.read_text(encoding="utf-8", errors="replace")
    data = parse(text, model)
    if not isinstance(data, dict):
        raise InvalidConfigurationError(model, [Fault("(file)", type(data).__name__, "give a mapping at the top")])
    return from_aztk(model, data, folder)


def parse(text: str, subject: str) -> Any:
    """Read YAML text; an application's arguments stay as they are written.

    :param text: YAML or JSON.
    :param subject: what it is, for the error.
    :raises InvalidConfigurationError: where it is not YAML, with the place and without what stands there.
    """
    import yaml

    broken = ""
    try:
        data = yaml.safe_load(text)
        _keep_arguments(data, yaml.load(text, yaml.BaseLoader))
    except (yaml.YAMLError, ValueError) as error:  # the second for a date such as 2026-13-01
        broken = _what_is_broken(error)
    if broken:  # raised out here, so that it does not bring the parser's error along, which quotes the text
        raise InvalidConfigurationError(subject, [Fault("(file)", "not YAML", broken)])
    return data


def _keep_arguments(data: Any, written: Any) -> None:
    """Take an application's arguments as they are written: ``010`` is no 8, and ``1.50`` no 1.5."""
    if isinstance(data, list) and isinstance(written, list):
        for item, text in zip(data, written, strict=True):
            _keep_arguments(item, text)
    elif isinstance(data, dict) and isinstance(written, dict):
        for name, value in data.items():
            texts = written.get(str(name))
            if name == "application_args" and isinstance(value, list) and isinstance(texts, list):
                pairs = zip(value, texts, strict=True)
                data[name] = [text if isinstance(text, str) and item is not None else item for item, text in pairs]
            else:
                _keep_arguments(value, texts)


def _what_is_broken(error: Any) -> str:
    """Say where and what, without what stands there: it may be a key."""
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return where + re.sub(r"(['\"]).*\1", "'...'", str(getattr(error, "problem", None) or "not YAML"), flags=re.S)


def from_aztk(model: str, data: Mapping[str, Any], folder: Path | None = None) -> dict[str, Any]:
    """Turn the keys of AZTK's files into the fields of a model; blank values are not set."""
    readers: dict[str, Callable[[dict[str, Any], Path | None], dict[str, Any]]] = {
        "ClusterConfiguration": _cluster,
        "JobConfiguration": _job,
        "SecretsConfiguration": _secrets,
    }
    reader = readers.get(model)
    clean = _without_blanks(dict(data))
    return reader(clean, folder) if reader else clean


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


def _without_blanks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_blanks(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_blanks(item) for item in value if item is not None]
    return value


def _take(data: dict[str, Any], names: Mapping[str, str], model: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in data.items():
        field = names.get(name, name)
        if field in result and result[field] != value:
            raise InvalidConfigurationError(model, [Fault(name, repr(value), f"{field} is given twice: keep one")])
        result[field] = value
    return result


def _cluster(data: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    for name, why in _CLI_ONLY.items():
        if data.pop(name, None):
            raise InvalidConfigurationError("ClusterConfiguration", [Fault(name, "(given)", f"take it out: {why}")])
    result = _take(data, _CLUSTER_KEYS, "ClusterConfiguration")
    return _common(result, folder, "ClusterConfiguration")


def _job(data: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    job = data.pop("job", data)
    faults = [Fault(str(name), "(given)", "move it under 'job'") for name in data if job is not data]
    inner = job.get("cluster_configuration") if isinstance(job, dict) else None
    for name, value in (("job", job), ("cluster_configuration", {} if inner is None else inner)):
        if not isinstance(value, dict):
            faults.append(Fault(name, type(value).__name__, "give a mapping"))
    if faults:
        raise InvalidConfigurationError("JobConfiguration", faults)
    result = {name: value for name, value in job.items() if name != "cluster_configuration"}
    cluster = _take(dict(job.get("cluster_configuration") or {}), _JOB_CLUSTER_KEYS, "JobConfiguration")
    for name, value in cluster.items():
        if result.setdefault(name, value) != value:
            fault = Fault(f"cluster_configuration.{name}", repr(value), "it is given twice: keep one")
            raise InvalidConfigurationError("JobConfiguration", [fault])
    if isinstance(result.get("applications"), list):
        result["applications"] = [_application(app, folder) for app in result["applications"]]
    return _common(result, folder, "JobConfiguration")


def _application(app: Any, folder: Path | None) -> Any:
    if not isinstance(app, dict):
        return app
    result = {name: value for name, value in app.items() if value is not None}
    for name in ("application", "requirements"):
        if name in result:
            result[name] = _beside(result[name], folder)
    for name in ("jars", "py_files", "files"):
        if isinstance(result.get(name), list):
            result[name] = [_beside(item, folder) for item in result[name]]
    return result


def _common(data: dict[str, Any], folder: Path | None, model: str) -> dict[str, Any]:
    result = dict(data)
    toolkit = result.pop("toolkit", None)
    if toolkit is not None:
        _apply_toolkit(result, toolkit, model)
    for name in ("plugins", "file_shares"):  # an empty list asks for nothing
        if not result.get(name, True):
            result.pop(name)
    if isinstance(result.get("custom_scripts"), list):
        result["custom_scripts"] = [_script(script, folder) for script in result["custom_scripts"]]
    spark = _spark_files(result.get("spark_configuration"), folder)
    if spark:
        result["spark_configuration"] = spark
    return result


def _apply_toolkit(result: dict[str, Any], toolkit: Any, model: str) -> None:
    if not isinstance(toolkit, dict):
        raise InvalidConfigurationError(model, [Fault("toolkit", repr(toolkit), "give a mapping")])
    faults = [
        Fault(f"toolkit.{name}", "(given)", "unknown: give docker_repo")
        for name in toolkit
        if name not in _TOOLKIT_KEYS
    ]
    if toolkit.get("software", "spark") != "spark":
        faults.append(Fault("toolkit.software", repr(toolkit["software"]), "only 'spark' is supported"))
    for name in ("environment", "environment_version", "docker_run_options"):
        if toolkit.get(name):
            faults.append(Fault(f"toolkit.{name}", repr(toolkit[name]), "AZTK's images are retired: give docker_repo"))
    if toolkit.get("docker_repo"):
        result.setdefault("docker_repo", toolkit["docker_repo"])
    elif toolkit.get("version"):
        result.setdefault("docker_repo", f"apache/spark:{toolkit['version']}-python3")
    if faults:
        raise InvalidConfigurationError(model, faults)


def _script(script: Any, folder: Path | None) -> Any:
    if not isinstance(script, dict):
        return script
    names = {"runOn": "run_on"}
    result = {names.get(name, name): value for name, value in script.items()}
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


def _secrets(data: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    result = {name: value for name, value in data.items() if name != "default"}
    for name in ("service_principal", "shared_key", "docker"):
        if result.get(name) == {}:  # all of its values are blank
            result.pop(name)
    old = data.get("default") or {}
    if not isinstance(old, dict):
        raise InvalidConfigurationError("SecretsConfiguration", [Fault("default", "'***'", "give a mapping")])
    for name in ("ssh_pub_key", "ssh_priv_key"):
        if name in old:
            result.setdefault(name, old[name])
        value = result.get(name)
        if isinstance(value, str) and "\n" not in value and Path(value).expanduser().is_file():
            result[name] = Path(value).expanduser().read_text(encoding="utf-8").strip()
    return result


def _beside(path: Any, folder: Path | None) -> Any:
    """Take a relative path as relative to the file that names it, where such a file exists."""
    if folder is None or not isinstance(path, str) or Path(path).expanduser().is_absolute() or "://" in path:
        return path
    return str(folder / path) if (folder / path).exists() else path


def _scripts_out(data: dict[str, Any]) -> dict[str, Any]:
    if "custom_scripts" not in data:
        return data
    scripts = [{("runOn" if k == "run_on" else k): v for k, v in script.items()} for script in data["custom_scripts"]]
    return {**data, "custom_scripts": scripts}
