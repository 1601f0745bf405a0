"""One poll for any number of waits: all that wait on one account share it.

An interval costs one request for about ten jobs that have waits, listed by their ids, and one for each of them. That
one asks only for the tasks whose state changed since the last poll, less a little: the service's clock and its index
may lag, so windows overlap and what comes twice is just overwritten. What else the account holds costs nothing.

A wait sees only polls that began after it did: an earlier one may not know what exists by now. What goes wrong with a
job is raised in the waits for it, whatever it is, and never ends the poll.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.client import _naming
from airflow_provider_aztk.client._azure.batch import changed_since
from airflow_provider_aztk.client._azure.clock import timestamp
from airflow_provider_aztk.client._job_snapshot import JobSnapshot
from airflow_provider_aztk.client.errors import AztkError, FieldError, InvalidConfigurationError
from airflow_provider_aztk.concurrency import for_each_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from airflow_provider_aztk.client._async_client import AsyncClient

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: How far one poll reaches back behind the newest change that the last one saw.
OVERLAP = timedelta(seconds=30)
#: How many polls of a job may fail in a row before its waits fail.
MAX_FAILURES = 5
_MAX_PAUSE = 60.0
_MAX_DOUBLINGS = 10  # of the pause, while nothing succeeds


class _PolledJob:
    """What is known of one job, and how often it could not be asked."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.job: Json | None = None
        self.tasks: dict[str, Json] = {}
        self.newest: datetime | None = None
        self.waits = 0
        self.failures = 0
        self.error: Exception | None = None
        self.snapshot: JobSnapshot | None = None

    async def poll(self, client: AsyncClient, job: Json | None) -> None:
        """Ask for the tasks that have changed, and make a snapshot; keep an error, whatever it is.

        :param job: the Batch job as it is listed; None where it does not exist (any more).
        """
        try:
            self._take_job(job)
            if job is not None:
                self._take_tasks(await client.batch_tasks(self.id, self._filter()))
            self.failures, self.error = 0, None
            self.snapshot = JobSnapshot(self.id, job, self.tasks, client)
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Note that a poll has failed."""
        self.failures += 1
        self.error = error

    def _filter(self) -> str | None:
        """Ask for everything at first, and then for what has changed since."""
        return None if self.newest is None else changed_since(self.newest - OVERLAP)

    def _take_job(self, job: Json | None) -> None:
        """Forget the tasks of a job that does not exist any more, or is another one of the same id."""
        same = self.job is None or (job is not None and self.job.get("creationTime") == job.get("creationTime"))
        if job is None or not same:
            self.tasks = {}
            self.newest = None
        self.job = job

    def _take_tasks(self, tasks: list[Json]) -> None:
        """Add what a poll brought; earlier snapshots keep what they have."""
        if tasks:
            self.tasks = {**self.tasks, **{task["id"]: task for task in tasks}}
        for task in tasks:
            changed = timestamp(task.get("stateTransitionTime"))
            if changed and (self.newest is None or changed > self.newest):
                self.newest = changed


@dataclass(eq=False)
class _Wait:
    """One wait.

    :param interval: seconds between two polls.
    :param seen: the number of the last poll whose snapshot it got, or that had begun before it came.
    :param next_snapshot: what it waits for now.
    """

    polled: _PolledJob
    interval: float
    seen: int
    next_snapshot: asyncio.Future[JobSnapshot] | None = None

    def deliver(self, poll: int) -> None:
        """Hand over the result of a poll, unless it began too early, or failed and the next one may be better."""
        polled, future = self.polled, self.next_snapshot
        if future is None or future.done() or self.seen >= poll:
            return
        if polled.error is None:
            assert polled.snapshot is not None  # made by the poll
            self.seen = poll
            future.set_result(polled.snapshot)
        elif polled.failures >= MAX_FAILURES:
            future.set_exception(polled.error)


class SharedPoller:
    """Polls one account for all waits on it; made by :meth:`shared`, and closed with the last wait.

    :param make_client: makes the client that polls; called with the first wait.
    """

    _shared: ClassVar[dict[tuple[int, str], SharedPoller]] = {}

    def __init__(self, make_client: Callable[[], AsyncClient]) -> None:
        self._make_client = make_client
        self._client: AsyncClient | None = None
        self._polled: dict[str, _PolledJob] = {}
        self._waits: dict[_Wait, None] = {}
        self._polls = 0
        self._task: asyncio.Task[None] | None = None
        self._new_wait = asyncio.Event()

    @classmethod
    def shared(cls, key: str, make_client: Callable[[], AsyncClient]) -> SharedPoller:
        """Return the poller of an account within the running event loop.

        :param key: names the account and the way of signing in; never a secret.
        """
        name = (id(asyncio.get_running_loop()), key)
        if name not in cls._shared:
            cls._shared[name] = cls(make_client)
        return cls._shared[name]

    def watch(self, id: str, poll_interval: float = 30.0) -> AsyncGenerator[JobSnapshot]:
        """Return the state of a cluster or job after each shared poll, for as long as the caller asks.

        The caller closes it, with :func:`contextlib.aclosing`; the last one to do so ends the poll.

        :param id: id of the cluster or job.
        :param poll_interval: seconds between two polls, above 0; the shortest of all waits counts for all.
        :raises InvalidConfigurationError: for an id that nothing can have, or such an interval.
        :raises Exception: while it is read: what several polls in a row have failed with, in most cases an AztkError.
        """
        _naming.checked_id(id)
        number = isinstance(poll_interval, int | float) and not isinstance(poll_interval, bool)
        if not number or not 0 < poll_interval < float("inf"):
            fault = FieldError("poll_interval", repr(poll_interval), "give a number of seconds above 0")
            raise InvalidConfigurationError("request", [fault])
        return self._snapshots(id, poll_interval)

    async def _snapshots(self, id: str, poll_interval: float) -> AsyncGenerator[JobSnapshot]:
        polled = self._polled.setdefault(id, _PolledJob(id))
        polled.waits += 1
        wait = _Wait(polled, poll_interval, seen=self._polls)
        self._waits[wait] = None
        try:
            self._start()
            while True:
                wait.next_snapshot = asyncio.get_running_loop().create_future()
                yield await wait.next_snapshot
        finally:
            del self._waits[wait]
            polled.waits -= 1
            if not polled.waits:
                self._polled.pop(id, None)
            if not self._waits:
                await self._stop()

    def _start(self) -> None:
        if self._client is None:
            self._client = self._make_client()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll_again_and_again())
        self._new_wait.set()  # it need not wait for the interval of others

    async def _stop(self) -> None:
        for name in [name for name, shared in self._shared.items() if shared is self]:
            del self._shared[name]  # the id of this event loop may be another's tomorrow
        task, client = self._task, self._client
        self._task = self._client = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if client is not None:
            await client.close()

    async def _poll_again_and_again(self) -> None:
        await self._gather_waits()
        while True:
            self._polls += 1
            self._new_wait.clear()  # waits that come during this poll need one of their own
            await self._poll(list(self._polled.values()))
            for wait in self._waits:
                wait.deliver(self._polls)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next poll; the longer, the more often all of the last ones have failed."""
        failures = min((polled.failures for polled in self._polled.values()), default=0)
        interval = min((wait.interval for wait in self._waits), default=_MAX_PAUSE)
        pause = min(interval * 2 ** min(failures, _MAX_DOUBLINGS), max(interval, _MAX_PAUSE))
        try:
            await asyncio.wait_for(self._new_wait.wait(), timeout=pause)
        except TimeoutError:
            return
        await self._gather_waits()

    async def _gather_waits(self) -> None:
        """Let waits that come together share a poll: a triggerer that starts brings all of its waits."""
        await asyncio.sleep(min([1.0, *(wait.interval for wait in self._waits)]))

    async def _poll(self, everything: list[_PolledJob]) -> None:
        """Ask for everything; whatever goes wrong is noted where it belongs."""
        assert self._client is not None  # made by _start
        client = self._client
        try:
            jobs = {job["id"].lower(): job for job in await client.batch_jobs([polled.id for polled in everything])}
        except Exception as error:
            for polled in everything:
                polled.fail(error)
        else:
            await for_each_async(lambda polled: polled.poll(client, jobs.get(polled.id.lower())), everything)
        _log_failures(everything)


def _log_failures(everything: list[_PolledJob]) -> None:
    """Log in one line what could not be asked; with a traceback where nobody expected the error."""
    failed = [polled for polled in everything if polled.error is not None]
    if not failed:
        return
    worst = max(failed, key=lambda polled: polled.failures)
    log.warning(
        "Azure Batch could not be asked for %d of %d jobs; %s, %d times in a row: %s",
        len(failed),
        len(everything),
        worst.id,
        worst.failures,
        worst.error,
        exc_info=None if isinstance(worst.error, AztkError) else worst.error,
    )
