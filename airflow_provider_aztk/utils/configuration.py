"""Configurations as operators take them (dict, YAML or JSON text, model), made ready for the client's models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_template", "load", "to_model"]

# Keys whose values are local paths, in all of the shapes that configurations come in.
_PATHS = frozenset({"application", "requirements", "script", "spark_defaults_conf", "spark_env_sh", "core_site_xml"})
_PATH_LISTS = frozenset({"jars", "py_files", "files"})
# Keys whose values are whole numbers: a rendered template is text.
_NUMBERS = frozenset(
    {
        "vm_count", "vm_low_pri_count", "size", "size_low_pri", "size_low_priority", "max_dedicated_nodes",
        "max_low_pri_nodes", "default_cores", "task_slots_per_node", "driver_cores", "executor_cores", "max_cores",
        "max_retry_count",
    }
)  # fmt: skip


def as_template(value: Any) -> Any:
    """Turn a model into the plain dict that Airflow can render, show and serialise; the rest stays as it is."""
    if isinstance(value, list | tuple):
        return [as_template(item) for item in value]
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) and not isinstance(value, type) else value


def load(value: Any, what: str) -> dict[str, Any]:
    """Read a rendered configuration.

    :param value: a mapping, or the text of a YAML or JSON file.
    :param what: what it is, for the error.
    :raises ValueError: where it is neither.
    """
    if isinstance(value, str):
        import yaml

        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(f"{what}: not YAML: {error}") from error
    if not isinstance(value, Mapping):
        raise ValueError(f"{what}: give a dict, a model, or a .yaml, .yml or .json file; got {type(value).__name__}")
    return dict(value)


def prepared(value: Any, folders: Sequence[Path], key: str = "") -> Any:
    """Make a configuration plain: paths found beside the DAG, numbers out of text, durations in seconds.

    :param value: the configuration or a part of it.
    :param folders: where relative paths are looked for, in this order.
    :param key: the key under which the part stands.
    """
    if isinstance(value, Mapping):
        if key in ("conf", "env", "secret_conf", "secret_env", "metadata"):
            return {str(name): _spark_text(item) for name, item in value.items()}
        return {name: prepared(item, folders, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        if key in _PATH_LISTS:
            return [_found(item, folders) for item in value]
        if key == "application_args":
            return [str(item) for item in value]
        return [prepared(item, folders) for item in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if key in _PATHS:
        return _found(value, folders)
    if key in _NUMBERS and isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return value


def to_model(model: type[Any], data: Mapping[str, Any], folders: Iterable[Path]) -> Any:
    """Build a model of the client from a loaded configuration, in the models' names or in those of AZTK's files.

    :param model: ``ClusterConfiguration``, ``JobConfiguration`` or ``ApplicationConfiguration``.
    :param data: the configuration.
    :param folders: where relative paths are looked for.
    :raises InvalidConfigurationError: with every fault.
    """
    import yaml

    plain = prepared(data, list(folders))
    return model.from_yaml(yaml.safe_dump(plain, sort_keys=False) + "\n")


def _found(path: Any, folders: Sequence[Path]) -> Any:
    if isinstance(path, Path):
        path = str(path)
    if not isinstance(path, str) or "://" in path or Path(path).is_absolute():
        return path
    return next((str(folder / path) for folder in folders if (folder / path).is_file()), path)


def _spark_text(value: Any) -> Any:
    """Write a value as Spark and a shell read it: true and false in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
