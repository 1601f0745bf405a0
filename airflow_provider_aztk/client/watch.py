"""One poll for any number of waits: all that wait on one account share it.

An interval costs one request for the list of jobs and one for each job that has waits, and that one asks only for the
tasks whose state changed since the last look, less a little: the service's clock and its index may lag, so windows
overlap and what comes twice is just overwritten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.client import _views
from airflow_provider_aztk.client.async_client import AsyncClient
from airflow_provider_aztk.client.errors import AztkError

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import Application, Cluster, Job

__all__ = ["JobView", "Watcher"]

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: How far one look reaches back behind the newest change that the last one saw.
OVERLAP = timedelta(seconds=30)
#: How many looks in a row may fail before those who wait are told.
PATIENCE = 5
#: How many jobs are asked for their tasks at a time.
SIDE_BY_SIDE = 8
_MAX_PAUSE = 60.0


@dataclass(frozen=True)
class JobView:
    """A cluster or job and its applications, as of one shared look.

    :param batch_job: the Batch job; None when there is none of this id (any more).
    :param tasks: its tasks by id.
    """

    id: str
    batch_job: Mapping[str, Any] | None
    tasks: Mapping[str, Mapping[str, Any]]
    client: AsyncClient = field(repr=False, compare=False)

    @property
    def exists(self) -> bool:
        """Whether there is such a cluster or job."""
        return self.batch_job is not None

    @property
    def job(self) -> Job | None:
        """The AZTK job, with its applications."""
        return _views.aztk_job(self.batch_job, self.tasks.values()) if self.batch_job else None

    def application(self, name: str) -> Application | None:
        """Give one application; None where there is none of this name."""
        task = self.tasks.get(name)
        return _views.application(task) if task else None

    @property
    def applications(self) -> list[Application]:
        """All applications."""
        return [_views.application(task) for id, task in self.tasks.items() if _views.is_application(id)]

    async def cluster(self) -> Cluster | None:
        """Get the cluster with pool, nodes and master: three requests of its own."""
        return await self.client.view_cluster(dict(self.batch_job)) if self.batch_job else None


class _Watched:
    """What is known of one job, and who waits for it."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.job: Json | None = None
        self.tasks: dict[str, Json] = {}
        self.newest: datetime | None = None
        self.waiters = 0

    def filter(self) -> str | None:
        """Ask for everything at first, and then for what changed since."""
        if self.newest is None:
            return None
        from airflow_provider_aztk.client._azure.aio import changed_since

        return changed_since(self.newest - OVERLAP)

    def is_same(self, job: Json) -> bool:
        """Tell whether this is the job that was seen before, and not another of the same id."""
        return self.job is None or self.job.get("creationTime") == job.get("creationTime")

    def forget(self) -> None:
        """Drop what was known: the job is gone, and another of the same id may come."""
        self.tasks = {}
        self.newest = None

    def update(self, tasks: list[Json]) -> None:
        """Take in what a look brought; views that were given before keep what they have."""
        if tasks:
            self.tasks = {**self.tasks, **{task["id"]: task for task in tasks}}
        for task in tasks:
            changed = _views.timestamp(task.get("stateTransitionTime"))
            if changed and (self.newest is None or changed > self.newest):
                self.newest = changed


class Watcher:
    """Polls one account for all who wait on it; made by :meth:`shared`, and gone when nobody waits any more.

    :param make_client: makes the client that polls; called when the first one waits.
    """

    _shared: ClassVar[dict[tuple[int, str], Watcher]] = {}

    def __init__(self, make_client: Callable[[], AsyncClient]) -> None:
        self._make_client = make_client
        self._client: AsyncClient | None = None
        self._watched: dict[str, _Watched] = {}
        self._intervals: dict[object, float] = {}
        self._look: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    @classmethod
    def shared(cls, key: str, make_client: Callable[[], AsyncClient]) -> Watcher:
        """Give the watcher of an account within the running event loop.

        :param key: names the account and the way of signing in; never a secret.
        """
        name = (id(asyncio.get_running_loop()), key)
        if name not in cls._shared:
            cls._shared[name] = cls(make_client)
        return cls._shared[name]

    async def watch(self, id: str, poll_interval: float = 30.0) -> AsyncGenerator[JobView]:
        """Give the state of a cluster or job after each shared look, for as long as the caller asks.

        Who stops asking closes it, with :func:`contextlib.aclosing`: the last one to do so ends the poll.

        :param id: id of the cluster or job.
        :param poll_interval: seconds between two looks; the shortest of all waits counts for all.
        :raises AztkError: when several looks in a row have failed.
        """
        me = object()
        watched = self._watched.setdefault(id, _Watched(id))
        watched.waiters += 1
        self._intervals[me] = poll_interval
        try:
            self._start()
            while True:
                await asyncio.shield(self._next_look())
                assert self._client is not None  # made before the first look
                yield JobView(id, watched.job, watched.tasks, self._client)
        finally:
            del self._intervals[me]
            watched.waiters -= 1
            if not watched.waiters:
                self._watched.pop(id, None)
            if not self._intervals:
                await self._stop()

    def _next_look(self) -> asyncio.Future[None]:
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().create_future()
        return self._look

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
        failures = 0
        while True:
            try:
                await self._look_once()
                failures = 0
                self._tell(None)
            except AztkError as error:
                failures += 1
                log.warning("look %d at Azure Batch failed: %s", failures, error)
                if failures >= PATIENCE:
                    self._tell(error)
            await self._pause(failures)

    def _tell(self, error: AztkError | None) -> None:
        look, self._look = self._look, None
        if look is None or look.done():
            return
        if error is None:
            look.set_result(None)
        else:
            look.set_exception(error)

    async def _pause(self, failures: int) -> None:
        interval = min(self._intervals.values(), default=_MAX_PAUSE)
        pause = min(interval * 2**failures, max(interval, _MAX_PAUSE))
        self._hurry.clear()
        try:
            await asyncio.wait_for(self._hurry.wait(), timeout=pause)
        except TimeoutError:
            return
        await asyncio.sleep(min(1.0, interval))  # let those who come together be served together

    async def _look_once(self) -> None:
        assert self._client is not None  # made by _start
        client = self._client
        jobs = {job["id"].lower(): job for job in await client.batch_jobs()}
        room = asyncio.Semaphore(SIDE_BY_SIDE)

        async def look_at(watched: _Watched) -> None:
            job = jobs.get(watched.id.lower())
            if job is None or not watched.is_same(job):
                watched.forget()
            watched.job = job
            if job is None:
                return
            async with room:
                watched.update(await client.batch_tasks(watched.id, watched.filter()))

        await asyncio.gather(*(look_at(watched) for watched in list(self._watched.values())))
