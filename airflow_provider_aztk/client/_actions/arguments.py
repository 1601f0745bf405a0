"""Checks of what a caller gives to several actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def check_kind(given: object, kind: type, name: str) -> None:
    """Refuse what is no configuration of the kind that is wanted, such as a dict.

    :raises InvalidConfigurationError: it says how a dict becomes one.
    """
    if not isinstance(given, kind):
        fault = FieldError(name, type(given).__name__, f"give a {kind.__name__}; a dict becomes one by its from_dict")
        raise InvalidConfigurationError("request", [fault])


def as_list(items: Iterable[T]) -> list[T]:
    """Return the items as a list; refuse a text, whose letters would be taken for ids."""
    if isinstance(items, str):
        raise InvalidConfigurationError("request", [FieldError("(list)", repr(items), "give a list")])
    return list(items)
