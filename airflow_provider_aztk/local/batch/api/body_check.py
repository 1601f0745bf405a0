"""Checking a request's body against its schema: unknown names and wrong types are refused, as the service does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.local.batch.api.schemas import OLDER_NAMES, SCHEMAS
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.times import parse_duration, parse_time

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["check_schema"]

_ENTITIES = "Microsoft.Azure.Batch.Protocol.Entities"
_NUMBER = re.compile(r"-?\d{1,10}\Z", re.ASCII)
_INT32 = range(-(2**31), 2**31)


def _fields(text: str) -> dict[str, str]:
    parts = (part.partition(":") for part in text.split())
    return {name: kind or "str" for name, _, kind in parts}


_FIELDS = {schema: _fields(f"{text} {OLDER_NAMES.get(schema, '')}") for schema, text in SCHEMAS.items()}


def check_schema(body: Json, schema: str) -> Json:
    """Check a body and everything in it; numbers that came as text, as az sends them, become numbers.

    :param schema: a name in :data:`SCHEMAS`.
    :raises BatchServiceError: ``InvalidRequestBody`` for a name that nobody knows, ``InvalidPropertyValue`` for a
        value of the wrong type.
    """
    known = _FIELDS[schema]
    for name in body:
        if name not in known:
            raise BatchServiceError(
                "InvalidRequestBody",
                PropertyName=name,
                Reason=f"The property '{name}' does not exist on type '{_ENTITIES}.{schema}'. "
                "Make sure to only use property names that are defined by the type.",
            )
    return {name: _read(name, known[name], value) for name, value in body.items()}


def _read(name: str, kind: str, value: Any) -> Any:
    if kind.startswith("["):
        if not isinstance(value, list):
            raise invalid_property(name, value, "A list is expected.")
        return [_read(name, kind[1:-1], entry) for entry in value]
    if kind in SCHEMAS:
        if not isinstance(value, dict):
            raise invalid_property(name, value, "An object is expected.")
        return check_schema(value, kind)
    if "|" in kind:
        return _word(name, kind.split("|"), value)
    return value if kind == "any" else _READERS[kind](name, value)


def _word(name: str, words: list[str], value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in (word.lower() for word in words):
        raise invalid_property(name, value, f"The value must be one of {', '.join(words)}.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_property(name, value, "Text is expected.")
    return value


def _integer(name: str, value: Any) -> int:
    if isinstance(value, str) and _NUMBER.match(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in _INT32:
        raise invalid_property(name, value, "A whole number is expected.")
    return value


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid_property(name, value, "true or false is expected.")
    return value


def _duration(name: str, value: Any) -> str:
    try:
        parse_duration(_text(name, value))
    except ValueError as error:
        raise invalid_property(name, value, "An ISO-8601 duration is expected.") from error
    return str(value)


def _time(name: str, value: Any) -> str:
    try:
        parse_time(_text(name, value))
    except ValueError as error:
        raise invalid_property(name, value, "An ISO-8601 time is expected.") from error
    return str(value)


_READERS = {"str": _text, "int": _integer, "bool": _boolean, "duration": _duration, "time": _time}
