"""What is cancelled when a user ends a deferred task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from tests.support.fake_wait import (
    make_trigger,
)

if TYPE_CHECKING:
    from airflow_provider_aztk.triggers.base import AztkTrigger

NAMES = [f"n{number}" for number in range(20)]


class Killer:
    """A client that stops and deletes; some things are gone, some cannot be reached."""

    def __init__(self, gone: str = "", broken: str = "") -> None:
        self.done: list[tuple[Any, ...]] = []
        self.gone = gone
        self.broken = broken
        self.at_work = self.most_at_work = 0

    async def open(self) -> Killer:
        """Give itself, as the hook does."""
        return self

    async def __aenter__(self) -> Killer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.done.append(("closed",))

    async def _do(self, name: str, *what: Any) -> bool:
        self.at_work += 1
        self.most_at_work = max(self.at_work, self.most_at_work)
        await asyncio.sleep(0)
        self.at_work -= 1
        if name == self.gone:
            raise errors.NotFoundError("there is none", id=name)
        if name == self.broken:
            raise errors.ConnectionFailedError("cut")
        self.done.append(what)
        return True

    async def stop_application(self, cluster_id: str, name: str) -> bool:
        return await self._do(name, "stop", cluster_id, name)

    async def stop_job(self, job_id: str) -> bool:
        return await self._do(job_id, "stop", job_id)

    async def delete_job(self, job_id: str, *, keep_logs: bool = False) -> bool:
        return await self._do(job_id, "delete", job_id, keep_logs)

    async def delete_cluster(self, cluster_id: str, *, keep_logs: bool = False) -> bool:
        return await self._do(cluster_id, "delete", cluster_id, keep_logs)


def kill(trigger: AztkTrigger, client: Killer) -> list[tuple[Any, ...]]:
    """Let a user end the task, and return the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AztkHook, "get_async_client", lambda _: client.open())
        asyncio.run(trigger.on_kill())
    return client.done


def test_on_kill_cancels_only_when_asked() -> None:
    assert kill(make_trigger(AztkApplicationTrigger, cancel_on_kill=False), Killer()) == []
    assert kill(make_trigger(AztkApplicationTrigger), Killer()) == [("stop", "x", "a"), ("closed",)]


@pytest.mark.parametrize(
    ("arguments", "done"),
    [
        ({"delete_on_kill": False}, ("stop", "x")),
        ({"delete_on_kill": True, "keep_logs": True}, ("delete", "x", True)),
        ({"delete_on_kill": True, "keep_logs": False}, ("delete", "x", False)),
    ],
)
def test_a_job_is_stopped_or_deleted_on_kill(arguments: dict[str, bool], done: tuple[Any, ...]) -> None:
    assert kill(make_trigger(AztkJobTrigger, **arguments), Killer())[0] == done


def test_a_job_is_stopped_on_kill_by_default() -> None:
    assert kill(AztkJobTrigger(job_ids=["x"], aztk_conn_id="c", cancel_on_kill=True), Killer())[0] == ("stop", "x")


def test_only_clusters_that_the_task_has_created_are_deleted_on_kill() -> None:
    both = {"cluster_ids": ["x", "y"]}
    for made, deleted in ((["y"], ["y"]), ([], []), (None, ["x", "y"])):
        done = kill(make_trigger(AztkClusterTrigger, **both, made_ids=made), Killer())
        assert sorted(call[1] for call in done if call[0] == "delete") == deleted


@pytest.mark.parametrize(
    ("cls", "argument"),
    [(AztkApplicationTrigger, "application_names"), (AztkJobTrigger, "job_ids"), (AztkClusterTrigger, "made_ids")],
)
def test_all_are_cancelled_several_at_a_time_even_if_one_fails(cls: type[AztkTrigger], argument: str) -> None:
    gone = Killer(gone="n0")
    assert len(kill(make_trigger(cls, **{argument: NAMES}), gone)) == len(NAMES) - 1 + 1
    assert 1 < gone.most_at_work <= 8
    broken = Killer(gone="n0", broken="n1")
    with pytest.raises(errors.ConnectionFailedError):
        kill(make_trigger(cls, **{argument: NAMES}), broken)
    assert len(broken.done) == len(NAMES) - 2 + 1
