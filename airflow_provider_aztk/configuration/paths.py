"""Local paths in configurations: those beside the DAG are found, whatever folder the worker runs in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.configuration.read import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PATHS", "PATH_LISTS", "prepared"]

#: Keys whose values are local paths, in all of the shapes that configurations come in.
PATHS = frozenset({"application", "requirements", "script", "spark_defaults_conf", "spark_env_sh", "core_site_xml"})
PATH_LISTS = frozenset({"jars", "py_files", "files", "archives"})


def prepared(value: Any, folders: Sequence[Path], key: str = "") -> Any:
    """Make a plain configuration fit for the models: paths found beside the DAG, texts where texts must be.

    :param value: the configuration or a part of it, as :func:`plain` gives it.
    :param folders: where relative paths are looked for, in this order.
    :param key: the key under which the part stands.
    """
    from airflow_provider_aztk.client.models._read import TEXT_MAPS

    if isinstance(value, dict):
        if key in TEXT_MAPS:
            return {name: as_text(item) for name, item in value.items()}
        return {name: prepared(item, folders, name) for name, item in value.items()}
    if isinstance(value, list):
        if key in PATH_LISTS:
            return [_found(item, folders) for item in value]
        if key == "application_args":
            return [item if item is None or isinstance(item, list | dict) else str(item) for item in value]
        return [prepared(item, folders) for item in value]
    return _found(value, folders) if key in PATHS else value


def _found(path: Any, folders: Sequence[Path]) -> Any:
    from airflow_provider_aztk.client.models._readers import is_file, is_folder

    if not isinstance(path, str) or "://" in path or Path(path).is_absolute():
        return path
    before, mark, alias = path.rpartition("#")
    for folder in folders:
        if is_file(folder / path) or is_folder(folder / path):  # a custom script may be a folder
            return str(folder / path)
        if mark and is_file(folder / before):
            return f"{folder / before}#{alias}"
    return path
