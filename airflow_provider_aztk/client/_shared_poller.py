"""One poll for any number of waits: all that wait on one account share it.

An interval costs one request for the list of jobs and one for each job that has waits, and that one asks only for the
tasks whose state changed since the last look, less a little: the service's clock and its index may lag, so windows
overlap and what comes twice is just overwritten.

A wait sees only looks that began after it did: an earlier one may not know what exists by now. What goes wrong is told
to those who wait for it, whatever it is, and never ends the poll.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.client import _batch_responses, _naming
from airflow_provider_aztk.client._job_snapshot import JobSnapshot
from airflow_provider_aztk.client.errors import AztkError, FieldError, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    from airflow_provider_aztk.client.async_client import AsyncClient

__all__ = ["SharedPoller", "look_once"]

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: How far one look reaches back behind the newest change that the last one saw.
OVERLAP = timedelta(seconds=30)
#: How many looks in a row may fail before those who wait are told.
PATIENCE = 5
#: How many jobs are asked for their tasks at a time.
SIDE_BY_SIDE = 8
_MAX_PAUSE = 60.0
_MAX_DOUBLINGS = 10  # of the pause, while nothing succeeds


class _PolledJob:
    """What is known of one job, and how often it could not be asked."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.job: Json | None = None
        self.tasks: dict[str, Json] = {}
        self.newest: datetime | None = None
        self.waiters = 0
        self.failures = 0
        self.error: Exception | None = None
        self.view: JobSnapshot | None = None

    def fail(self, error: Exception) -> None:
        """Take note that a look has failed."""
        self.failures += 1
        self.error = error

    def succeed(self, client: AsyncClient) -> None:
        """Make the view of a look that has not failed."""
        self.failures, self.error = 0, None
        self.view = JobSnapshot(self.id, self.job, self.tasks, client)

    def filter(self) -> str | None:
        """Ask for everything at first, and then for what changed since."""
        if self.newest is None:
            return None
        from airflow_provider_aztk.client._azure.aio import changed_since

        return changed_since(self.newest - OVERLAP)

    def take_job(self, job: Json | None) -> None:
        """Take in the job as it is listed; with one that is gone, or another of the same id, forget its tasks."""
        same = self.job is None or (job is not None and self.job.get("creationTime") == job.get("creationTime"))
        if job is None or not same:
            self.tasks = {}
            self.newest = None
        self.job = job

    def take_tasks(self, tasks: list[Json]) -> None:
        """Take in what a look brought; views that were given before keep what they have."""
        if tasks:
            self.tasks = {**self.tasks, **{task["id"]: task for task in tasks}}
        for task in tasks:
            changed = _batch_responses.timestamp(task.get("stateTransitionTime"))
            if changed and (self.newest is None or changed > self.newest):
                self.newest = changed


@dataclass(eq=False)
class _Waiter:
    """One wait.

    :param interval: seconds between two looks.
    :param seen: the number of the last look that it was told of, or that had begun before it came.
    :param told: what it waits for now.
    """

    watched: _PolledJob
    interval: float
    seen: int
    told: asyncio.Future[JobSnapshot] | None = None

    def tell(self, look: int) -> None:
        """Tell of a look, unless it began too early, or failed and the next one may be better."""
        watched, told = self.watched, self.told
        if told is None or told.done() or self.seen >= look:
            return
        if watched.error is None:
            assert watched.view is not None  # made by the look
            self.seen = look
            told.set_result(watched.view)
        elif watched.failures >= PATIENCE:
            told.set_exception(watched.error)


class SharedPoller:
    """Polls one account for all who wait on it; made by :meth:`shared`, and gone when nobody waits any more.

    :param make_client: makes the client that polls; called when the first one waits.
    """

    _shared: ClassVar[dict[tuple[int, str], SharedPoller]] = {}

    def __init__(self, make_client: Callable[[], AsyncClient]) -> None:
        self._make_client = make_client
        self._client: AsyncClient | None = None
        self._watched: dict[str, _PolledJob] = {}
        self._waiters: dict[_Waiter, None] = {}
        self._looks = 0
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    @classmethod
    def shared(cls, key: str, make_client: Callable[[], AsyncClient]) -> SharedPoller:
        """Give the watcher of an account within the running event loop.

        :param key: names the account and the way of signing in; never a secret.
        """
        name = (id(asyncio.get_running_loop()), key)
        if name not in cls._shared:
            cls._shared[name] = cls(make_client)
        return cls._shared[name]

    def watch(self, id: str, poll_interval: float = 30.0) -> AsyncGenerator[JobSnapshot]:
        """Give the state of a cluster or job after each shared look, for as long as the caller asks.

        Who stops asking closes it, with :func:`contextlib.aclosing`: the last one to do so ends the poll.

        :param id: id of the cluster or job.
        :param poll_interval: seconds between two looks, above 0; the shortest of all waits counts for all.
        :raises InvalidConfigurationError: for an id that nothing can have, or such an interval.
        :raises Exception: while it is read: what several looks in a row have failed with, in most cases an AztkError.
        """
        _naming.checked(id)
        number = isinstance(poll_interval, int | float) and not isinstance(poll_interval, bool)
        if not number or not 0 < poll_interval < float("inf"):
            fault = FieldError("poll_interval", repr(poll_interval), "give a number of seconds above 0")
            raise InvalidConfigurationError("request", [fault])
        return self._feed(id, poll_interval)

    async def _feed(self, id: str, poll_interval: float) -> AsyncGenerator[JobSnapshot]:
        watched = self._watched.setdefault(id, _PolledJob(id))
        watched.waiters += 1
        waiter = _Waiter(watched, poll_interval, seen=self._looks)
        self._waiters[waiter] = None
        try:
            self._start()
            while True:
                waiter.told = asyncio.get_running_loop().create_future()
                yield await waiter.told
        finally:
            del self._waiters[waiter]
            watched.waiters -= 1
            if not watched.waiters:
                self._watched.pop(id, None)
            if not self._waiters:
                await self._stop()

    def _start(self) -> None:
        if self._client is None:
            self._client = self._make_client()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        self._hurry.set()  # a newcomer need not wait for the interval of others

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

    async def _poll(self) -> None:
        await self._gather()
        while True:
            self._looks += 1
            self._hurry.clear()  # who has come by now is served; who comes during the look is in a hurry again
            await self._look_once(list(self._watched.values()))
            for waiter in self._waiters:
                waiter.tell(self._looks)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next look; the longer, the more often all of the last ones have failed."""
        failures = min((watched.failures for watched in self._watched.values()), default=0)
        interval = min((waiter.interval for waiter in self._waiters), default=_MAX_PAUSE)
        pause = min(interval * 2 ** min(failures, _MAX_DOUBLINGS), max(interval, _MAX_PAUSE))
        try:
            await asyncio.wait_for(self._hurry.wait(), timeout=pause)
        except TimeoutError:
            return
        await self._gather()

    async def _gather(self) -> None:
        """Let those who come together be served together: a triggerer that starts brings all of its waits."""
        await asyncio.sleep(min([1.0, *(waiter.interval for waiter in self._waiters)]))

    async def _look_once(self, everything: list[_PolledJob]) -> None:
        """Ask for everything; whatever goes wrong is noted where it belongs."""
        assert self._client is not None  # made by _start
        client = self._client
        room = asyncio.Semaphore(SIDE_BY_SIDE)

        async def look_at(watched: _PolledJob, jobs: Mapping[str, Json]) -> None:
            try:
                watched.take_job(jobs.get(watched.id.lower()))
                if watched.job is not None:
                    async with room:
                        watched.take_tasks(await client.batch_tasks(watched.id, watched.filter()))
                watched.succeed(client)
            except Exception as error:
                watched.fail(error)

        try:
            jobs = {job["id"].lower(): job for job in await client.batch_jobs()}
        except Exception as error:
            for watched in everything:
                watched.fail(error)
        else:
            await asyncio.gather(*(look_at(watched, jobs) for watched in everything))
        _report(everything)


async def look_once(client: AsyncClient, ids: Iterable[str]) -> dict[str, JobSnapshot]:
    """Look at clusters and jobs once, without a shared poll: one request for the list, and one for each of them.

    :raises InvalidConfigurationError: for an id that nothing can have, before anything is asked.
    :raises AztkError: where the service cannot be asked.
    """
    wanted = [_naming.checked(id) for id in ids]
    jobs = {job["id"].lower(): job for job in await client.batch_jobs()}
    views: dict[str, JobSnapshot] = {}
    for id in wanted:
        job = jobs.get(id.lower())
        tasks = await client.batch_tasks(id) if job else []
        views[id] = JobSnapshot(id, job, {task["id"]: task for task in tasks}, client)
    return views


def _report(everything: list[_PolledJob]) -> None:
    """Log in one line what could not be asked; with a traceback where nobody expected the error."""
    failed = [watched for watched in everything if watched.error is not None]
    if not failed:
        return
    worst = max(failed, key=lambda watched: watched.failures)
    log.warning(
        "Azure Batch could not be asked for %d of %d jobs; %s, %d times in a row: %s",
        len(failed),
        len(everything),
        worst.id,
        worst.failures,
        worst.error,
        exc_info=None if isinstance(worst.error, AztkError) else worst.error,
    )
