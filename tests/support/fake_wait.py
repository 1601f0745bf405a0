"""A wait without Azure: a source of given snapshots, a clock that is not real, an example of each trigger."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import JobSnapshot, models
from airflow_provider_aztk.client.models import ApplicationState, ClusterState, JobState, Outcome
from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
from airflow_provider_aztk.triggers.deletion import AztkDeletionTrigger
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from airflow_provider_aztk.triggers.logs import AztkLogTrigger
from airflow_provider_aztk.triggers.wait_loop import Clock, WaitLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

COMMON: dict[str, Any] = {
    "aztk_conn_id": "c",
    "poll_interval": 0.01,
    "deadline": None,
    "cancel_on_kill": True,
    "remote": {"id": "r"},
}
LOGS: dict[str, Any] = {
    "log_names": ["a"],
    "log_offsets": {"a": 3},
    "secret_refs": ["lake:password"],
    "deferred_links": ["aztk_spark_ui_link"],
}
EXAMPLES: dict[type[AztkTrigger], dict[str, Any]] = {
    AztkClusterTrigger: {**COMMON, "cluster_ids": ["x"], "missing_ok": True, "made_ids": ["x"]},
    AztkApplicationTrigger: {**COMMON, **LOGS, "cluster_id": "x", "application_names": ["a"]},
    AztkJobTrigger: {**COMMON, **LOGS, "job_ids": ["x"], "delete_on_kill": True, "keep_logs": True},
    AztkDeletionTrigger: {**COMMON, "deleted_id": "x", "deleted_at": 1_000_000.0},
}


def make_trigger(cls: type[AztkTrigger], **kwargs: Any) -> AztkTrigger:
    """Return the example of a trigger, without logs unless they are asked for."""
    logs = {"log_names": None} if issubclass(cls, AztkLogTrigger) else {}
    return cls(**{**EXAMPLES[cls], **logs, **kwargs})


class FakeClock(Clock):
    """Time passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def wait(self, tasks: Collection[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
        self.now += seconds
        return await super().wait(tasks, 0.01)


class FakeSource:
    """Gives the steps in turn, and the last one again and again; a dict has those of each id. Raises exceptions."""

    def __init__(self, *steps: Any) -> None:
        self._steps = {id: list(found) for id, found in steps[0].items()} if isinstance(steps[0], dict) else {}
        self._all = list(steps)
        self.watched: list[str] = []

    async def watch(self, watched_id: str, poll_interval: float) -> AsyncIterator[Any]:
        self.watched.append(watched_id)
        return self._next(self._steps.get(watched_id, self._all))

    async def _next(self, steps: list[Any]) -> AsyncIterator[Any]:
        while True:
            step = steps.pop(0) if len(steps) > 1 else steps[0]
            await asyncio.sleep(0)
            if isinstance(step, Exception):
                raise step
            yield step


def wait(
    trigger: AztkTrigger,
    *steps: Any,
    clock: Clock | None = None,
    on_link: Callable[[str, str], None] | None = None,
    log: Any = None,
) -> WaitEvent:
    """Run a trigger's wait on the given steps, see :class:`FakeSource`, and return its event."""
    clock = clock or FakeClock()
    hook: Any = SimpleNamespace(aztk_conn_id="c")

    async def run() -> WaitEvent:
        activity = trigger.make_activity(hook, clock=clock, on_link=on_link)
        loop = WaitLoop(trigger, FakeSource(*steps), activity=activity, clock=clock, log=trigger.log)
        return await asyncio.wait_for(loop.run(), 10)

    with pytest.MonkeyPatch.context() as patch:
        if log is not None:
            patch.setattr(type(trigger), "log", log)
        event = asyncio.run(run())
    assert set(event) == {"status", "message", "code", "ids", "result", "remote"}
    assert json.loads(json.dumps(event)) == event
    return event


def snapshot(**kwargs: Any) -> Any:
    """Return a snapshot as the source gives it."""
    cluster = kwargs.pop("cluster", None)
    failure = kwargs.pop("failure", None)

    async def get_cluster() -> Any:
        if isinstance(cluster, Exception):
            raise cluster
        return cluster

    async def start_failure() -> Any:
        return failure

    end = kwargs.pop("end", None)

    async def get_failure() -> Any:
        return job.failure

    apps = kwargs.pop("apps", {})
    job = kwargs.pop("job", models.Job(id="x", state=JobState.ACTIVE))
    client = kwargs.pop("client", None)
    return SimpleNamespace(
        exists=kwargs.pop("exists", True), job=job, cluster=get_cluster, start_failure=start_failure,
        failure=get_failure, end=end, is_ending=False, application=apps.get, applications=list(apps.values()),
        client=client, is_open=False,
    )  # fmt: skip


def application(name: str = "a", **kwargs: Any) -> models.Application:
    """Return an application; by default one that succeeded."""
    defaults: dict[str, Any] = {"state": ApplicationState.COMPLETED, "outcome": Outcome.SUCCESS, "exit_code": 0}
    return models.Application(name=name, **{**defaults, **kwargs})


def cluster(state: ClusterState, **kwargs: Any) -> models.Cluster:
    """Return a cluster in a state."""
    return models.Cluster(id="x", state=state, **kwargs)


class MasterLogClient:
    """A client that reads the end of a master's log."""

    def __init__(self) -> None:
        self.reads = 0

    async def master_log(self, job: dict[str, Any]) -> bytes | None:
        self.reads += 1
        return b"no such package\n"


def real_snapshot(client: Any, state: str, reason: str | None, **master: Any) -> JobSnapshot:
    """Return the snapshot of a cluster whose application Batch has ended, alone or with its cluster."""
    stopped = {"exitCode": 143, "failureInfo": {"category": "UserError", "code": "TaskEnded"}}
    tasks: dict[str, Any] = {
        "a": {"id": "a", "state": "completed", "executionInfo": stopped},
        "aztk-master": {"id": "aztk-master", "state": "completed", "executionInfo": master or stopped},
    }
    job = {"id": "x", "state": state, "executionInfo": {"terminateReason": reason} if reason else {}}
    return JobSnapshot("x", job, tasks, client)
