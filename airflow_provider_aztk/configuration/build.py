"""Configurations as operators take them (dict, YAML or JSON text, model), made ready for the client's models."""

from __future__ import annotations

import numbers
import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.configuration.references import refuse_secrets
from airflow_provider_aztk.configuration.rendering import refuse_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_template", "load", "parsed", "parsed_template", "to_model"]

# Keys whose values are local paths, in all of the shapes that configurations come in.
_PATHS = frozenset({"application", "requirements", "script", "spark_defaults_conf", "spark_env_sh", "core_site_xml"})
_PATH_LISTS = frozenset({"jars", "py_files", "files", "archives"})
_TEXT_MAPS = frozenset({"conf", "env", "secret_conf", "secret_env", "metadata"})


def as_template(value: Any) -> Any:
    """Turn models, also those inside, into dicts that Airflow can render and serialise; the rest stays as it is."""
    if isinstance(value, list | tuple):
        return [as_template(item) for item in value]
    if isinstance(value, dict):
        return {name: as_template(item) for name, item in value.items()}
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) and not isinstance(value, type) else value


def parsed_template(text: str) -> Any:
    """Read YAML or JSON that is not rendered yet, or give None where Jinja's marks or other faults prevent that."""
    if ":" not in text:  # a name, and no reason to load a parser while a DAG is parsed
        return None
    from airflow_provider_aztk.client.models import _read

    found = _read.readings(text)
    return found[0] if len(found) == 1 else found


def load(value: Any, what: str) -> dict[str, Any]:
    """Read a rendered configuration into plain values; secrets in clear text are refused.

    :param value: a mapping, a model, or the text of a YAML or JSON file.
    :param what: what it is, for the error.
    :raises ValueError: where it is something else, holds what cannot be written as JSON, is no application where one
        must be, or has a secret in clear text. The message names the field, and never repeats a secret.
    """
    found = plain(parsed(value, what) if isinstance(value, str) else value, what)
    if not isinstance(found, dict):
        raise ValueError(f"{what}: give a dict, a model, or a .yaml, .yml or .json file; got {type(value).__name__}")
    refuse_nothing(found, what)
    _check_applications(found, what)
    try:
        refuse_secrets(found, rendered=True)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    return found


def plain(value: Any, path: str) -> Any:
    """Write a value in dicts, lists, texts, numbers, truth values and durations, all the way down.

    :param value: what Airflow or a DAG author hands over: also models, lazy sequences of XComs, enums, paths, dates.
    :param path: where it stands, for the error.
    :raises ValueError: for a value of another kind, named by its place and kind.
    """
    if isinstance(value, Enum):
        return plain(value.value, path)
    if value is None or isinstance(value, bool | str | timedelta):
        return value
    if isinstance(value, Mapping):
        return {_key(name, path): plain(item, f"{path}.{name}") for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, os.PathLike | date):
        return str(value)
    if isinstance(value, numbers.Real):  # numpy's, too, which come out of XComs
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    taken = as_template(value)
    if taken is not value:
        return plain(taken, path)
    a_set = isinstance(value, set | frozenset)
    fix = "give a list, which has an order" if a_set else "give text, a number, a list or a dict"
    raise ValueError(f"{path}: a value of type {type(value).__name__} cannot be used here; {fix}")


def prepared(value: Any, folders: Sequence[Path], key: str = "") -> Any:
    """Make a plain configuration fit for the models: paths found beside the DAG, texts where texts must be.

    :param value: the configuration or a part of it, as :func:`plain` gives it.
    :param folders: where relative paths are looked for, in this order.
    :param key: the key under which the part stands.
    """
    if isinstance(value, dict):
        if key in _TEXT_MAPS:
            return {name: _spark_text(item) for name, item in value.items()}
        return {name: prepared(item, folders, name) for name, item in value.items()}
    if isinstance(value, list):
        if key in _PATH_LISTS:
            return [_found(item, folders) for item in value]
        if key == "application_args":
            return [item if item is None or isinstance(item, list | dict) else str(item) for item in value]
        return [prepared(item, folders) for item in value]
    return _found(value, folders) if key in _PATHS else value


def to_model(model: type[Any], data: Mapping[str, Any], folders: Iterable[Path]) -> Any:
    """Build a model of the client from a loaded configuration, in the models' names or in those of AZTK's files.

    Templates render to text, so the models read numbers, truth values and durations from text as well.

    :param model: ``ClusterConfiguration``, ``JobConfiguration`` or ``ApplicationConfiguration``.
    :param data: the configuration.
    :param folders: where relative paths are looked for.
    :raises ValueError: for a value of a kind that no configuration has, naming its field.
    :raises InvalidConfigurationError: (a ValueError) with every other fault.
    """
    return model.from_aztk(prepared(plain(data, model.__name__), list(folders)))


def parsed(text: str, what: str) -> Any:
    """Read the text of a file, YAML or JSON, or the file of this path.

    :raises InvalidConfigurationError: for what is neither, naming place and field, and never the text.
    """
    from airflow_provider_aztk.client.models import _read

    if _read.is_path(text):
        return _read.parse(_read.text_of(Path(text.strip()), what), what)
    return _read.parse(text, what)


def _check_applications(data: dict[str, Any], what: str) -> None:
    """See that an AZTK job's applications are a list of dicts, before an operator looks into them."""
    job = data.get("job", data)
    if not isinstance(job, dict):
        raise ValueError(f"{what}.job: give a dict; got {type(job).__name__}")
    path = f"{what}.job.applications" if job is not data else f"{what}.applications"
    found = job.get("applications")
    if found is not None and not isinstance(found, list):
        raise ValueError(f"{path}: give a list of applications, each a dict or a model; got {type(found).__name__}")
    for index, application in enumerate(found or ()):
        if not isinstance(application, dict):
            given = type(application).__name__
            raise ValueError(f"{path}[{index}]: give a dict of an application's fields, or a model; got {given}")


def _key(name: Any, path: str) -> str:
    if isinstance(name, str | int | float):  # YAML reads 8080 as a number, and on as true
        return str(_spark_text(name.value if isinstance(name, Enum) else name))
    raise ValueError(f"{path}: {type(name).__name__} is no name of a field; give text")


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


def _spark_text(value: Any) -> Any:
    """Write a value as Spark and a shell read it: true and false in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
