"""The wait loop: errors that it endures, the deadline, ids that it refuses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._job_snapshot import take_snapshots
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from airflow_provider_aztk.triggers.wait_loop import Patience, WaitLoop
from tests.links.test_links import shared_key
from tests.support.fake_wait import FakeClock, FakeSource, cluster, make_trigger, snapshot, wait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aztk.client import JobSnapshot
    from airflow_provider_aztk.triggers.base import AztkTrigger


def test_errors_of_the_service_do_not_end_the_wait() -> None:
    trouble = [errors.ThrottledError("busy", status=429), errors.ConnectionFailedError("cut")]
    event = wait(make_trigger(AztkClusterTrigger), *trouble, snapshot(cluster=cluster(ClusterState.READY)))
    assert event["status"] == "success"


def test_a_refused_credential_is_logged_and_raised_with_the_label_of_the_form() -> None:
    logged: list[str] = []
    log = SimpleNamespace(warning=lambda text, *args, **_: logged.append(text % args))
    refused = errors.AuthenticationError("check batch_account_key", service="Azure Batch")
    with pytest.raises(errors.AuthenticationError, match=r"check Batch account key \(password\)$"):
        wait(make_trigger(AztkClusterTrigger), refused, log=log)
    assert set(logged) == {"Azure Batch cannot be polled now; it is tried again: check Batch account key (password)"}


@pytest.mark.parametrize("steps", [[KeyError("id")], [snapshot(cluster=KeyError("id"))]])
def test_an_unexpected_error_that_stays_ends_the_wait(steps: list[Any]) -> None:
    with pytest.raises(KeyError, match="id"):
        wait(make_trigger(AztkClusterTrigger), *steps)


def test_an_unexpected_error_that_passes_does_not_end_the_wait() -> None:
    event = wait(make_trigger(AztkClusterTrigger), KeyError("id"), snapshot(cluster=cluster(ClusterState.READY)))
    assert event["status"] == "success"


def test_one_id_that_cannot_be_polled_ends_the_wait_while_another_can() -> None:
    creating = snapshot(cluster=cluster(ClusterState.CREATING))
    feeds = {"x": [creating], "y": [creating, errors.ServiceError("no", status=400, code="Broken")]}
    with pytest.raises(errors.ServiceError, match="Broken"):
        wait(make_trigger(AztkClusterTrigger, cluster_ids=["x", "y"], poll_interval=0.001), feeds)


@pytest.mark.parametrize("ids", [None, 7, "", "a/b"])
@pytest.mark.parametrize("how", ["wait_in_worker", "poll_once"])
def test_an_id_that_nothing_can_have_ends_the_wait_at_once(ids: Any, how: str) -> None:
    trigger = make_trigger(AztkClusterTrigger, cluster_ids=[ids])
    with pytest.raises(errors.InvalidConfigurationError, match=f"id={ids!r}"):
        getattr(trigger, how)(hook=SilentHook())


@pytest.mark.parametrize(
    "trigger", [AztkClusterTrigger(cluster_ids=[], aztk_conn_id="c"), AztkJobTrigger(job_ids=[], aztk_conn_id="c")]
)
@pytest.mark.parametrize("how", ["wait_in_worker", "poll_once"])
def test_a_wait_without_ids_is_refused(trigger: AztkTrigger, how: str) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="name at least one"):
        getattr(trigger, how)(hook=SilentHook())


class SilentHook:
    """A connection that may be opened, and asks nothing."""

    aztk_conn_id = "c"

    async def aget_secrets(self) -> Any:
        return shared_key("http://127.0.0.1:1")

    async def get_async_client(self) -> SilentHook:
        return self

    async def get_snapshots(self, ids: Iterable[str]) -> dict[str, JobSnapshot]:
        return await take_snapshots(self, ids)  # type: ignore[arg-type]

    async def __aenter__(self) -> SilentHook:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


def test_the_deadline_ends_the_wait_with_a_timeout() -> None:
    trigger = make_trigger(AztkClusterTrigger, deadline=1_000_000.1)  # by the clock of the test
    event = wait(trigger, snapshot(cluster=cluster(ClusterState.CREATING)))
    assert (event["status"], event["remote"]) == ("timeout", {"id": "r"})


@pytest.mark.parametrize(("error", "limit"), [(errors.ConnectionFailedError("cut"), 20), (KeyError("id"), 5)])
def test_the_loop_raises_an_error_after_as_many_in_a_row_as_its_patience(error: Exception, limit: int) -> None:
    ready = snapshot(cluster=cluster(ClusterState.READY))
    clock = FakeClock()
    trigger = make_trigger(AztkClusterTrigger, poll_interval=100.0)
    assert wait(trigger, *[error] * (limit - 1), ready, clock=clock)["status"] == "success"
    assert clock.slept == [min(100.0, 5.0 * count) for count in range(1, limit)]
    with pytest.raises(type(error)):
        wait(trigger, *[error] * limit, ready)


def test_the_loop_endures_no_error_without_patience() -> None:
    patience = Patience(service_errors=1)
    source = FakeSource(errors.ConnectionFailedError("cut"), snapshot(cluster=cluster(ClusterState.READY)))
    loop = WaitLoop(make_trigger(AztkClusterTrigger), source, clock=FakeClock(), patience=patience)
    with pytest.raises(errors.ConnectionFailedError):
        asyncio.run(loop.run())
