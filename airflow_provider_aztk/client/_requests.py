"""Actions: what the client does, described once for the sync and the async client.

An action is a generator. It yields requests and gets their answers, or has the error of a request raised in it::

    def get_job(job_id: str) -> Action[Job]:
        job = yield from batch.get_job(job_id)
        return _batch_responses.aztk_job(job, None)

``yield from`` works with a request as with another action, and gives a type checker the type of the answer. A runner
(``_runners.py``) sends the requests, one after the other, but for those that stand in a :class:`SideBySide`. Requests
to Azure are in ``_azure/batch.py`` and ``_azure/storage.py``; the other ones are here. Code of an action runs on the
event loop of an async client, so what reads files or takes long is a :class:`LocalWork`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from datetime import datetime  # noqa: F401 - an answer's type

    from airflow_provider_aztk.client.models import SecretsConfiguration  # noqa: F401 - an answer's type

R = TypeVar("R")


class Request(Generic[R]):
    """Something that an action asks for; ``R`` is the type of the answer."""

    def __iter__(self) -> Action[R]:
        answer: R = yield self
        return answer


Action: TypeAlias = Generator[Request[Any], Any, R]


@dataclass(frozen=True)
class SideBySide(Request[list[R]]):
    """Perform several actions at the same time, a limited number at once; the answer has the results in their order.

    Where one fails, the others are performed all the same. Then the first error is raised, with the others as notes.
    """

    actions: Iterable[Action[R] | Request[R]]


@dataclass(frozen=True)
class Pause(Request[None]):
    """Wait for a number of seconds."""

    seconds: float


@dataclass(frozen=True)
class LocalWork(Request[R]):
    """Read files, or compute something that takes long; async, in a thread."""

    work: Callable[[], R]


@dataclass(frozen=True)
class Once(Request[R]):
    """Perform an action once in the life of a client; the others who ask for the same name get the same answer."""

    name: str
    action: Callable[[], Action[R] | Request[R]]


class ClientSecrets(Request["SecretsConfiguration"]):
    """Ask for the credentials that the client was made with."""


class ServiceTime(Request["datetime"]):
    """Ask for the time by the clock of Azure, as its last answer had it; no request is sent."""
