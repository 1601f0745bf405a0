"""The one loop that waits for clusters, applications and jobs: in the triggerer, and in a worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_aztk.triggers.events import WaitStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from airflow_provider_aztk.client import JobSnapshot
    from airflow_provider_aztk.triggers.events import WaitEvent
    from airflow_provider_aztk.triggers.snapshots import SnapshotSource

__all__ = ["Activity", "Clock", "Patience", "WaitCondition", "WaitLoop", "verdict", "watched_ids"]

_MAX_PAUSE_AFTER_ERROR = 5.0  # seconds, for each error in a row


class WaitCondition(Protocol):
    """What a loop waits for; a trigger is one."""

    poll_interval: float
    deadline: float | None  # Unix time, or None; read in each round: a worker that is killed sets it

    def watched_ids(self) -> list[str]:
        """Return the ids of the clusters or jobs to watch."""

    async def check(self, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Return the event that ends the wait, or None to go on waiting."""

    def on_missing(self, watched_id: str) -> WaitEvent | None:
        """Return the event for an id that does not exist, or None to wait until it does."""

    def event(self, status: str, *, message: str | None = None) -> WaitEvent:
        """Return an event without a result."""


class Activity:
    """What a loop does besides waiting, e.g. read logs. This one does nothing."""

    async def prepare(self) -> None:
        """Run before the first poll."""

    async def run(self, snapshots: Mapping[str, JobSnapshot]) -> None:
        """Run after each poll, and whenever :meth:`seconds_until_due` says so."""

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds :meth:`run` is due without a poll; None: with the next poll."""
        return None

    async def finish(self, event: WaitEvent) -> None:
        """Run before the event is sent; may add to its result."""


class Clock:
    """The machine's clock."""

    def time(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that only ever increase."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Pause."""
        await asyncio.sleep(seconds)

    async def wait(self, tasks: Collection[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
        """Wait until one of the tasks is done, at most so long; return those that are."""
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return done


@dataclass(frozen=True)
class Patience:
    """How many errors in a row a loop endures.

    :param service_errors: errors of Azure's making, each after several failed polls with the client's own retries.
    :param unexpected_errors: all other errors; waiting hardly mends them.
    """

    service_errors: int = 20
    unexpected_errors: int = 5


class WaitLoop:
    """Wait until a condition has an event, or its deadline has come.

    :param condition: what is waited for.
    :param source: where the snapshots of the watched ids come from.
    :param activity: what is done besides; default nothing.
    :param clock: the time.
    :param patience: how many errors in a row are endured.
    :param log: where errors that are endured are logged.
    """

    def __init__(
        self,
        condition: WaitCondition,
        source: SnapshotSource,
        *,
        activity: Activity | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
        log: Any = None,
    ) -> None:
        self._condition = condition
        self._source = source
        self._activity = activity or Activity()
        self._clock = clock or Clock()
        self._patience = patience or Patience()
        self._log = log or logging.getLogger(__name__)
        self._snapshots: dict[str, JobSnapshot] = {}
        self._feeds: dict[str, AsyncIterator[JobSnapshot]] = {}
        self._pending: dict[asyncio.Task[JobSnapshot], str] = {}
        self._errors_in_a_row: dict[str, int] = {}  # by watched id; "": of the check

    async def run(self) -> WaitEvent:
        """Return the event that ends the wait.

        :raises InvalidConfigurationError: where there is nothing to wait for, or an id that nothing can have.
        :raises Exception: the last of too many errors in a row, in most cases an AztkError.
        """
        await self._activity.prepare()
        try:
            for watched_id in watched_ids(self._condition):
                await self._watch(watched_id)
            while True:
                done = await self._clock.wait(self._pending, self._seconds_to_wait())
                for task in done:
                    await self._receive(task)
                event = await self._check() if done else None
                event = event or self._timeout_event()
                if event is not None:
                    await self._activity.finish(event)
                    return event
                await self._activity.run(self._snapshots)
        finally:
            await self._close()

    async def _watch(self, watched_id: str) -> None:
        self._feeds[watched_id] = await self._source.watch(watched_id, self._condition.poll_interval)
        self._request_next(watched_id)

    def _request_next(self, watched_id: str) -> None:
        self._pending[asyncio.ensure_future(anext(self._feeds[watched_id]))] = watched_id

    async def _receive(self, task: asyncio.Task[JobSnapshot]) -> None:
        """Store the snapshot of a poll, and request the next one."""
        watched_id = self._pending.pop(task)
        try:
            self._snapshots[watched_id] = task.result()
        except Exception as error:
            await self._endure(watched_id, error)
            await self._watch(watched_id)  # an error ends the iterator; the next poll may succeed
        else:
            self._errors_in_a_row.pop(watched_id, None)
            self._request_next(watched_id)

    async def _check(self) -> WaitEvent | None:
        try:
            event = await verdict(self._condition, self._snapshots)
        except Exception as error:
            await self._endure("", error)
            return None
        self._errors_in_a_row.pop("", None)
        return event

    async def _endure(self, failed: str, error: Exception) -> None:
        """Log an error and pause; raise it where there were too many in a row, or where waiting cannot help.

        :param failed: the id that could not be polled, or nothing, where the check failed.
        """
        from airflow_provider_aztk.client import errors
        from airflow_provider_aztk.hooks.form_labels import with_form_labels

        if isinstance(error, errors.AuthenticationError):
            error.args = (with_form_labels(str(error)),)
        count = self._errors_in_a_row[failed] = self._errors_in_a_row.get(failed, 0) + 1
        is_known = isinstance(error, errors.AztkError)
        limit = self._patience.service_errors if is_known else self._patience.unexpected_errors
        if count >= limit or isinstance(error, errors.InvalidConfigurationError):
            raise error
        self._log.warning(
            "Azure Batch cannot be polled now; it is tried again: %s",
            error if is_known else f"{type(error).__name__}: {error}",
            exc_info=None if is_known else error,
        )
        await self._clock.sleep(min(self._condition.poll_interval, _MAX_PAUSE_AFTER_ERROR * count))

    def _timeout_event(self) -> WaitEvent | None:
        deadline = self._condition.deadline
        if deadline is None or self._clock.time() < deadline:
            return None
        return self._condition.event(WaitStatus.TIMEOUT, message="the time for this task is over")

    def _seconds_to_wait(self) -> float:
        due, deadline = self._activity.seconds_until_due(), self._condition.deadline
        seconds = self._condition.poll_interval if due is None else due
        return seconds if deadline is None else max(0.0, min(seconds, deadline - self._clock.time()))

    async def _close(self) -> None:
        for task in self._pending:
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)
        for feed in self._feeds.values():
            close = getattr(feed, "aclose", None)
            if close is not None:
                with contextlib.suppress(Exception):
                    await close()


def watched_ids(condition: WaitCondition) -> list[str]:
    """Return the ids that a condition watches.

    :raises InvalidConfigurationError: where there are none.
    """
    ids = condition.watched_ids()
    if ids:
        return ids
    from airflow_provider_aztk.client import errors

    error = errors.FieldError("ids", "[]", "name at least one cluster or job to wait for")
    raise errors.InvalidConfigurationError(type(condition).__name__, [error])


async def verdict(condition: WaitCondition, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
    """Return the event that ends the wait, or None: as long as one watched id has no snapshot, always None."""
    ids = condition.watched_ids()
    if any(watched_id not in snapshots for watched_id in ids):
        return None
    missing = [watched_id for watched_id in ids if not snapshots[watched_id].exists]
    event = condition.on_missing(missing[0]) if missing else None
    return event or await condition.check(snapshots)  # one that is missing does not hide the failure of another
