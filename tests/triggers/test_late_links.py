"""Links whose address is known only some time after the submission."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import ClusterState, JobState
from airflow_provider_aztk.links.aztk import AztkBatchPoolLink, AztkSparkUiLink
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from airflow_provider_aztk.triggers.links import LateLinks
from tests.links.test_links import shared_key

BOTH = [AztkBatchPoolLink.key, AztkSparkUiLink.key]
MASTER = "http://10.0.0.4:8080"


class View:
    """A look at a job whose pool and master come with time."""

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


def look(*views: Any, keys: list[str] = BOTH) -> list[tuple[str, str]]:
    """Look at these, one after another, and tell what was pushed."""
    pushed: list[tuple[str, str]] = []
    hook: Any = Hook()

    async def push(key: str, url: str) -> None:
        pushed.append((key, url))

    async def all_looks() -> None:
        links = LateLinks(keys, push)
        for view in views:
            await links.look(view, hook)

    asyncio.run(all_looks())
    return pushed


def test_each_is_pushed_once_as_soon_as_it_is_known() -> None:
    nothing, pool = View(), View("p")
    master, later = View("p", is_open=True, cluster=ready()), View("p", is_open=True, cluster=ready())
    assert look(nothing, pool, pool, master, later) == [
        (AztkBatchPoolLink.key, "http://127.0.0.1:4711/ui/pools/p"),
        (AztkSparkUiLink.key, MASTER),
    ]
    assert [view.asked for view in (nothing, pool, master, later)] == [0, 0, 1, 0]


def test_only_what_is_wanted_is_asked_for() -> None:
    view = View("p", is_open=True, cluster=ready())
    assert look(view, keys=[]) == []
    assert view.asked == 0


def test_a_master_that_is_not_known_yet_is_asked_for_with_the_next_look() -> None:
    early = View("p", is_open=True, cluster=ready(url=None))
    assert look(early, early, View(is_open=True, cluster=ready()), keys=[AztkSparkUiLink.key])
    assert early.asked == 1


def test_what_fails_now_and_then_is_tried_again() -> None:
    good, bad = (View("p", is_open=True, cluster=found) for found in (ready(url=None), ConnectionError("cut")))
    looks = [View(is_open=True, cluster=ConnectionError("cut")), good, bad, View(is_open=True), bad]
    assert look(*looks, View(is_open=True, cluster=ready()), keys=[AztkSparkUiLink.key])


def test_one_link_does_not_hold_up_another() -> None:
    class NoSecrets:
        async def aget_secrets(self) -> None:
            raise ConnectionError("cut")

    pushed: list[str] = []

    async def push(key: str, url: str) -> None:
        pushed.append(key)

    view: Any = View("p", is_open=True, cluster=ready())
    hook: Any = NoSecrets()
    asyncio.run(LateLinks(BOTH, push).look(view, hook))
    assert pushed == [AztkSparkUiLink.key]


def test_what_fails_again_and_again_is_given_up() -> None:
    views = [View(is_open=True, cluster=ConnectionError("cut")) for _ in range(5)]
    assert look(*views, View(is_open=True, cluster=ready()), keys=[AztkSparkUiLink.key]) == []
    assert [view.asked for view in views] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("deferred", [True, False])
def test_a_trigger_pushes_for_its_task(deferred: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: list[tuple[str, str]] = []

    async def aset(*, key: str, value: str, **ti: Any) -> None:
        pushed.append((f"{ti['dag_id']}.{ti['task_id']}.{ti['run_id']}.{ti['map_index']}.{key}", value))

    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom.aset", aset, raising=False)
    trigger = AztkJobTrigger(job_ids=["x"], aztk_conn_id="c", late_links=[AztkSparkUiLink.key])
    if deferred:
        ti: Any = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=3)
        trigger.task_instance = ti
    else:
        trigger.on_link = lambda key, url: pushed.append((key, url))
    view: Any = View(is_open=True, cluster=ready())
    if deferred:
        trigger.began = time.monotonic()
        asyncio.run(trigger.between_polls({"x": view}))
        assert pushed == [], "the worker may still write an empty link over it"
        trigger.began -= 60
    asyncio.run(trigger.between_polls({"x": view}))
    assert pushed == [(f"d.t.r.3.{AztkSparkUiLink.key}" if deferred else AztkSparkUiLink.key, MASTER)]
