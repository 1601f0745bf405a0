"""Reading untrusted JSON values: ids, numbers, durations, lists."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, TypeVar

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.times import parse_duration

__all__ = [
    "Json",
    "check_display_name",
    "check_id",
    "choice",
    "duration",
    "integer",
    "items",
    "members",
    "option",
    "required",
]

Json = dict[str, Any]

E = TypeVar("E", bound=StrEnum)

_MAX_DISPLAY_NAME = 1024
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)


def required(body: Json, name: str) -> Any:
    """Take a property that must be there.

    :raises BatchServiceError: ``MissingRequiredProperty``.
    """
    value = body.get(name)
    if value is None:
        raise BatchServiceError("MissingRequiredProperty", PropertyName=name)
    return value


def check_id(value: object, name: str = "id") -> str:
    """Accept an id of a pool, job or task: letters, digits, ``-`` and ``_``, at most 64."""
    if not isinstance(value, str) or not _ID.match(value):
        raise invalid_property(
            name, value, "The id may hold letters, digits, hyphens and underscores, and at most 64 of them."
        )
    return value


def check_display_name(body: Json) -> None:
    """Check the name that people read: at most 1024 characters."""
    name = body.get("displayName")
    if name is not None and len(str(name)) > _MAX_DISPLAY_NAME:
        raise invalid_property("displayName", name, f"The name may have at most {_MAX_DISPLAY_NAME} characters.")


def integer(body: Json, name: str, default: int, low: int | None = None, high: int | None = None) -> int:
    """Read a whole number; az sends numbers as strings, so these are taken too."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise invalid_property(name, value, "A whole number is expected.")
    try:
        number = int(value)
    except ValueError as error:
        raise invalid_property(name, value, "A whole number is expected.") from error
    if (low is not None and number < low) or (high is not None and number > high):
        raise invalid_property(name, value, f"The value must be between {low} and {high}.")
    return number


def choice(body: Json, name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Read one of several words, whatever its capitals."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value.lower() not in {word.lower() for word in allowed}:
        raise invalid_property(name, value, f"The value must be one of {', '.join(allowed)}.")
    return value


def option(body: Json, name: str, default: E) -> E:
    """Read a member of an enumeration, whatever its capitals."""
    kind = type(default)
    return kind(choice(body, name, default, tuple(kind)).lower())


def duration(body: Json, name: str, minimum: float = 0) -> float | None:
    """Read a duration in seconds; ``None`` when it is absent or has no limit."""
    value = body.get(name)
    if value is None:
        return None
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise invalid_property(name, value, "An ISO-8601 duration is expected.") from error
    if seconds is not None and seconds < minimum:
        raise invalid_property(name, value, f"The duration must be at least {minimum:g} seconds.")
    return seconds


def items(body: Json, name: str) -> list[Json]:
    """Read a list of objects; absent means empty."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise invalid_property(name, value, "A list of objects is expected.")
    return value


def members(body: Json, name: str) -> Json:
    """Read an object; absent means empty."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid_property(name, value, "An object is expected.")
    return value
