"""Several definitions at once, as operators for several clusters or applications take them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aztk.configuration.read import definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["built", "definitions", "naming_the_part"]

T = TypeVar("T")


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
def naming_the_part(part: str, several: bool) -> Iterator[None]:
    """Name in an error which of several definitions is meant."""
    from airflow_provider_aztk.client import errors

    try:
        yield
    except errors.InvalidConfigurationError as error:
        if not several:
            raise
        raise errors.InvalidConfigurationError(part, error.faults) from error
