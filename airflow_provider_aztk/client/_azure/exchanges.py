"""Requests and their answers, for whoever wants to record them: without what signs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: Headers of a request that say something and open nothing.
_SHOWN = frozenset(
    {"accept", "content-type", "content-length", "if-match", "if-none-match", "ocp-range", "x-ms-version"}
)
_HIDDEN = frozenset({"set-cookie", "authorization", "www-authenticate"})


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    :param headers: of the request, those that sign nothing.
    :param status: None where there was no whole answer.
    :param answer_headers: of the answer.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: bytes = field(default=b"", repr=False)


Observer: TypeAlias = Callable[[Exchange], None]
#: The same for both services: the first argument is the service's name.
ServicesObserver: TypeAlias = Callable[[str, Exchange], None]


def shown_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request that may be shown."""
    return {name: str(value) for name, value in headers.items() if name.lower() in _SHOWN}


def shown_answer_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that may be shown."""
    return {name: str(value) for name, value in headers.items() if name.lower() not in _HIDDEN}
