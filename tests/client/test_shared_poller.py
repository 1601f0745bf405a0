"""The watcher without a service: which looks a wait sees, and what becomes of errors."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import JobSnapshot, SharedPoller, errors, models

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

SOON = 0.001


class Account:
    """Stands in the place of the client that polls; a list of jobs can be held up, and anything can fail."""

    def __init__(self, *jobs: str) -> None:
        self.jobs = list(jobs)
        self.tasks: list[dict[str, Any]] = []
        self.lists_fail: Exception | None = None
        self.tasks_fail: dict[str, Exception] = {}
        self.listed = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self.clusters = 0
        self.cluster: models.Cluster | Exception = models.Cluster(id="a", state=models.ClusterState.CREATING)
        self.closed = False

    async def batch_jobs(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """List the jobs as they are now, and answer when it is allowed to."""
        found = [{"id": id, "state": "active", "creationTime": "2026-01-01T00:00:00Z"} for id in self.jobs]
        self.listed.set()
        await self.free.wait()
        if self.lists_fail:
            raise self.lists_fail
        return found

    async def batch_tasks(self, job_id: str, filter: str | None = None) -> list[dict[str, Any]]:
        """List the tasks of a job."""
        if job_id in self.tasks_fail:
            raise self.tasks_fail[job_id]
        return self.tasks

    async def view_cluster(self, job: dict[str, Any], tasks: Any = None) -> models.Cluster:
        """Count, and give what was laid down."""
        self.clusters += 1
        await asyncio.sleep(0)
        if isinstance(self.cluster, Exception):
            raise self.cluster
        return self.cluster

    async def close(self) -> None:
        """Take note."""
        self.closed = True


def watcher_of(account: Account) -> SharedPoller:
    """Make a watcher that is the test's own."""
    return SharedPoller(lambda: account)  # type: ignore[arg-type, return-value]


@pytest.fixture(autouse=True)
async def _limit() -> AsyncIterator[None]:
    """Let no test hang."""
    async with asyncio.timeout(20):
        yield


@pytest.mark.parametrize("watched_before", [False, True])
async def test_a_wait_that_begins_during_a_look_sees_only_later_ones(watched_before: bool) -> None:
    account = Account("a")
    watcher = watcher_of(account)
    first = watcher.watch("b" if watched_before else "a", poll_interval=SOON)
    account.free.clear()
    early = asyncio.ensure_future(anext(first))
    await account.listed.wait()
    account.jobs.append("b")  # made by somebody who waits for it at once
    second = watcher.watch("b", poll_interval=60.0)
    late = asyncio.ensure_future(anext(second))
    await asyncio.sleep(0)
    account.free.set()
    assert (await early).exists is not watched_before
    assert (await late).exists, "and it need not wait for a whole interval"
    await first.aclose()
    await second.aclose()
    assert account.closed


async def test_an_unexpected_error_of_one_job_is_told_and_the_poll_goes_on() -> None:
    account = Account("a", "b")
    account.tasks_fail["b"] = KeyError("stateTransitionTime")
    watcher = watcher_of(account)
    async with aclosing(watcher.watch("a", SOON)) as good, aclosing(watcher.watch("b", SOON)) as bad:
        failed = asyncio.ensure_future(anext(bad))
        while not failed.done():
            assert (await anext(good)).exists
        with pytest.raises(KeyError, match="stateTransitionTime"):
            await failed
        account.tasks_fail.clear()
        async with aclosing(watcher.watch("b", SOON)) as again:
            assert (await anext(again)).exists
        assert (await anext(good)).exists


async def test_an_unexpected_error_of_all_is_told_and_the_poll_goes_on() -> None:
    account = Account("a")
    account.lists_fail = TypeError("no dict")
    watcher = watcher_of(account)
    async with aclosing(watcher.watch("a", SOON)) as one, aclosing(watcher.watch("a", SOON)) as other:
        results = await asyncio.gather(anext(one), anext(other), return_exceptions=True)
        assert [str(result) for result in results] == ["no dict", "no dict"]
        account.lists_fail = None
        async with aclosing(watcher.watch("a", SOON)) as again:
            assert (await anext(again)).exists


@pytest.mark.parametrize("id", [None, 7, "", "a/b", ["a"]])
async def test_an_id_that_nothing_can_have_is_refused(id: Any) -> None:
    watcher = watcher_of(Account("a"))
    async with aclosing(watcher.watch("a", SOON)) as good:
        with pytest.raises(errors.InvalidConfigurationError) as refused:
            await anext(watcher.watch(id, SOON))
        assert refused.value.faults[0].value == repr(id)
        assert (await anext(good)).exists


@pytest.mark.parametrize("interval", [None, 0, -1.0, float("nan"), float("inf"), "30", True])
async def test_an_interval_that_cannot_be_kept_is_refused(interval: Any) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="poll_interval="):
        await anext(watcher_of(Account("a")).watch("a", interval))


async def test_all_who_got_a_look_share_the_look_at_the_cluster() -> None:
    account = Account("a")
    watcher = watcher_of(account)
    async with aclosing(watcher.watch("a", SOON)) as one, aclosing(watcher.watch("a", SOON)) as other:
        views = await asyncio.gather(anext(one), anext(other))
        await asyncio.gather(*(view.cluster() for view in views))
        await views[0].cluster()
        assert account.clusters == 1
        account.cluster = errors.ThrottledError("busy", status=429)
        views = await asyncio.gather(anext(one), anext(other))
        results = await asyncio.gather(*(view.cluster() for view in views), return_exceptions=True)
        assert results == [account.cluster] * 2
        assert account.clusters == 2


def view_of(account: Account, **states: str) -> JobSnapshot:
    """Make a view of a cluster whose tasks (underscores for hyphens) are in the given states."""
    tasks = {name.replace("_", "-"): state for name, state in states.items()}
    job = {"id": "a", "state": "active"}
    found = {name: {"id": name, "state": state} for name, state in tasks.items()}
    return JobSnapshot("a", job, found, account)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "requests"),
    [
        ({"aztk_gate": "active", "aztk_master": "active", "app": "active"}, 1),
        ({"aztk_gate": "active", "aztk_master": "active"}, 1),
        ({"aztk_gate": "preparing", "app": "active"}, 0),
        ({"aztk_gate": "completed", "app": "active"}, 0),
        ({"aztk_gate": "active", "app": "running"}, 0),
        ({"app": "active"}, 0),
        ({"aztk_gate": "completed", "aztk_master": "active", "app": "active"}, 1),  # its node was lost
        ({"aztk_gate": "completed", "aztk_master": "running", "app": "active"}, 0),
    ],
)
async def test_the_pool_is_looked_at_only_while_nothing_has_begun(states: dict[str, str], requests: int) -> None:
    account = Account("a")
    failure = models.Failure(code="AccountCoreQuotaReached", message="no cores")
    account.cluster = models.Cluster(id="a", state=models.ClusterState.FAILED, failure=failure)
    found = await view_of(account, **states).start_failure()
    assert (found, account.clusters) == (failure if requests else None, requests)


@pytest.mark.parametrize(
    ("states", "is_open"),
    [({"aztk_gate": "running"}, False), ({"aztk_gate": "completed"}, True), ({"app": "running"}, False)],
)
def test_a_cluster_is_open_when_its_gate_has_ended(states: dict[str, str], is_open: bool) -> None:
    assert view_of(Account("a"), **states).is_open is is_open


async def test_a_cluster_that_ends_is_none_that_cannot_start() -> None:
    account = Account("a")
    failure = models.Failure(code="JobEnded", message="stopped on request")
    account.cluster = models.Cluster(id="a", state=models.ClusterState.ENDED, failure=failure)
    assert await view_of(account, aztk_gate="active").start_failure() is None


def test_names_of_applications_differ_by_more_than_their_case() -> None:
    view = view_of(Account("a"), Pi="running")
    found = view.application("pI")
    assert found is not None
    assert (found.name, view.application("p")) == ("Pi", None)
