"""Several definitions at once, as operators for several clusters or applications take them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["built", "definitions", "error_context"]

T = TypeVar("T")


def definitions(value: Any, field: str) -> list[Any]:
    """Read a rendered list of definitions: a list, or the text of a YAML or JSON file that holds one.

    :param value: the rendered field.
    :param field: its name, for the error.
    :raises ValueError: where it is no list, or an empty one.
    """
    if isinstance(value, str):
        from airflow_provider_aztk.configuration.read import parsed

        value = parsed(value, field)
    if value is None or isinstance(value, str) or hasattr(value, "keys") or not hasattr(value, "__iter__"):
        fix = "give a list of definitions, or a .yaml, .yml or .json file that holds one"
        raise ValueError(f"{field}: {fix}; got {type(value).__name__}")
    found = list(value)
    if not found:
        raise ValueError(f"{field}=[]: give at least one definition")
    return found


def built(builders: Iterable[Callable[[], T]]) -> list[T]:
    """Build each of several definitions, and raise what is wrong with all of them together.

    :raises ValueError: with the faults of all.
    """
    found: list[T] = []
    wrong: list[ValueError] = []
    for build in builders:
        try:
            found.append(build())
        except ValueError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ValueError("; ".join(str(error) for error in wrong))
    return found


@contextmanager
def error_context(part: str, several: bool) -> Iterator[None]:
    """Name in an error which of several definitions is meant."""
    from airflow_provider_aztk.client import errors

    try:
        yield
    except errors.InvalidConfigurationError as error:
        if not several:
            raise
        raise errors.InvalidConfigurationError(part, error.faults) from error
