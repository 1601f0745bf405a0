"""Links whose address is known only some time after the submission."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import ClusterState, JobState
from airflow_provider_aztk.links.aztk import AztkBatchPoolLink, AztkSparkUiLink
from airflow_provider_aztk.triggers.deferred_links import DeferredLinks
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from tests.links.test_links import shared_key
from tests.support.fake_wait import FakeClock

BOTH = [AztkBatchPoolLink.key, AztkSparkUiLink.key]
MASTER = "http://10.0.0.4:8080"


class Snapshot:
    """A snapshot of a job whose pool and master appear with time."""

    def __init__(self, pool_id: str | None = None, *, is_open: bool = False, cluster: Any = None) -> None:
        self.job = models.Job(id="x", state=JobState.ACTIVE, pool_id=pool_id)
        self.is_open = is_open
        self._cluster = cluster
        self.asked = 0

    async def cluster(self) -> Any:
        self.asked += 1
        if isinstance(self._cluster, Exception):
            raise self._cluster
        return self._cluster


def ready(url: str | None = MASTER) -> models.Cluster:
    return models.Cluster(id="x", state=ClusterState.READY, spark_ui_url=url)


class Hook:
    """Gives the credentials, without which no address of a pool can be made."""

    async def aget_secrets(self) -> models.SecretsConfiguration:
        return shared_key("http://127.0.0.1:4711")


def push_from(*snapshots: Any, keys: list[str] = BOTH) -> list[tuple[str, str]]:
    """Show these snapshots, one after another, and return what was pushed."""
    pushed: list[tuple[str, str]] = []
    hook: Any = Hook()

    async def push(key: str, url: str) -> None:
        pushed.append((key, url))

    async def push_all() -> None:
        links = DeferredLinks(keys, push, hook=hook)
        for snapshot in snapshots:
            await links.push_known(snapshot)

    asyncio.run(push_all())
    return pushed


def test_each_link_is_pushed_once_as_soon_as_its_url_is_known() -> None:
    nothing, pool = Snapshot(), Snapshot("p")
    master, later = Snapshot("p", is_open=True, cluster=ready()), Snapshot("p", is_open=True, cluster=ready())
    assert push_from(nothing, pool, pool, master, later) == [
        (AztkBatchPoolLink.key, "http://127.0.0.1:4711/ui/pools/p"),
        (AztkSparkUiLink.key, MASTER),
    ]
    assert [view.asked for view in (nothing, pool, master, later)] == [0, 0, 1, 0]


def test_without_missing_links_nothing_is_requested() -> None:
    view = Snapshot("p", is_open=True, cluster=ready())
    assert push_from(view, keys=[]) == []
    assert view.asked == 0


def test_a_master_without_url_is_requested_again_with_the_next_snapshot() -> None:
    early = Snapshot("p", is_open=True, cluster=ready(url=None))
    assert push_from(early, early, Snapshot(is_open=True, cluster=ready()), keys=[AztkSparkUiLink.key])
    assert early.asked == 1


def test_a_link_that_fails_now_and_then_is_tried_again() -> None:
    good, bad = (Snapshot("p", is_open=True, cluster=found) for found in (ready(url=None), ConnectionError("cut")))
    steps = [Snapshot(is_open=True, cluster=ConnectionError("cut")), good, bad, Snapshot(is_open=True), bad]
    assert push_from(*steps, Snapshot(is_open=True, cluster=ready()), keys=[AztkSparkUiLink.key])


def test_a_link_that_fails_does_not_stop_another() -> None:
    class NoSecrets:
        async def aget_secrets(self) -> None:
            raise ConnectionError("cut")

    pushed: list[str] = []

    async def push(key: str, url: str) -> None:
        pushed.append(key)

    view: Any = Snapshot("p", is_open=True, cluster=ready())
    hook: Any = NoSecrets()
    asyncio.run(DeferredLinks(BOTH, push, hook=hook).push_known(view))
    assert pushed == [AztkSparkUiLink.key]


def test_links_that_fail_three_times_in_a_row_are_given_up() -> None:
    views = [Snapshot(is_open=True, cluster=ConnectionError("cut")) for _ in range(5)]
    assert push_from(*views, Snapshot(is_open=True, cluster=ready()), keys=[AztkSparkUiLink.key]) == []
    assert [view.asked for view in views] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("deferred", [True, False])
def test_a_trigger_pushes_the_links_of_its_task(deferred: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: list[tuple[str, str]] = []

    async def aset(*, key: str, value: str, **ti: Any) -> None:
        pushed.append((f"{ti['dag_id']}.{ti['task_id']}.{ti['run_id']}.{ti['map_index']}.{key}", value))

    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom.aset", aset, raising=False)
    trigger = AztkJobTrigger(job_ids=["x"], aztk_conn_id="c", deferred_links=[AztkSparkUiLink.key])
    on_link = None
    if deferred:
        ti: Any = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=3)
        trigger.task_instance = ti
    else:

        def on_link(key: str, url: str) -> None:
            pushed.append((key, url))

    hook: Any = Hook()
    clock = FakeClock()
    activity = trigger.make_activity(hook, clock=clock, on_link=on_link)
    snapshot: Any = Snapshot(is_open=True, cluster=ready())
    if deferred:
        asyncio.run(activity.run({"x": snapshot}))
        assert pushed == [], "the worker may still write an empty link over it"
        clock.now += 60
    asyncio.run(activity.run({"x": snapshot}))
    assert pushed == [(f"d.t.r.3.{AztkSparkUiLink.key}" if deferred else AztkSparkUiLink.key, MASTER)]
