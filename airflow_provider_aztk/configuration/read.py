"""Text to data: configurations as operators take them (YAML or JSON text, files, lists of them), in plain values.

YAML itself is read in one place, ``client/models/_read.py``, for the client's ``from_yaml`` and for operators.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from airflow_provider_aztk.configuration.rendering import as_template

__all__ = ["as_text", "parsed", "plain"]


def parsed(text: str, what: str) -> Any:
    """Read the text of a file, YAML or JSON, or the file of this path.

    :raises InvalidConfigurationError: for what is neither, naming place and field, and never the text.
    """
    from airflow_provider_aztk.client.models._read import is_path, parse, text_of

    return parse(text_of(Path(text.strip()), what) if is_path(text) else text, what)


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


def as_text(value: Any) -> Any:
    """Write a value as Spark and a shell read it: true and false in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _key(name: Any, path: str) -> str:
    if isinstance(name, str | int | float):  # YAML reads 8080 as a number, and on as true
        return str(as_text(name.value if isinstance(name, Enum) else name))
    raise ValueError(f"{path}: {type(name).__name__} is no name of a field; give text")
