"""Pools that outlive their cluster, and pools that never come."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import AsyncClient, Client, errors, models
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # real nodes of the emulator: seconds each

WAIT = {"timeout": 60, "poll_interval": 0.2}
IMAGE = "microsoft-dsvm:ubuntu-hpc:2404@batch.node.ubuntu 24.04"


def cluster(cluster_id: str, **more: object) -> models.ClusterConfiguration:
    return models.ClusterConfiguration.from_dict({"cluster_id": cluster_id, "vm_count": 1, "vm_image": IMAGE, **more})


def test_a_deletion_that_is_waited_for_leaves_no_pool(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.pool_survives_job(job=cluster_id)
    client.create_cluster(cluster(cluster_id))
    assert client.delete_cluster(cluster_id, wait=True)
    (left,) = [stack.admin.state()["pools"]]
    end = time.monotonic() + 20
    while left and time.monotonic() < end:
        time.sleep(0.1)
        left = stack.admin.state()["pools"]
    assert left == 0


def test_a_pool_that_outlived_its_cluster_is_found_and_deleted(
    client: Client, stack: LocalStack, cluster_id: str
) -> None:
    stack.admin.pool_survives_job(job=cluster_id)
    client.create_cluster(cluster(cluster_id, metadata={"airflow_dag": "etl"}))
    pool_id = client.get_cluster(cluster_id).pool_id
    assert client.list_orphaned_pools() == []
    assert client.delete_orphaned_pools(cluster_id) == [], "its cluster is alive"
    client.delete_cluster(cluster_id)
    (found,) = eventually(client.list_orphaned_pools)
    assert (found.id, found.cluster_id, dict(found.metadata)) == (pool_id, cluster_id, {"airflow_dag": "etl"})
    assert found.since is not None
    assert client.delete_orphaned_pools(cluster_id) == [pool_id]
    assert client.list_orphaned_pools() == []


def test_a_pool_that_outlived_a_job_that_ended_is_found(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.pool_survives_job(job=cluster_id)
    client.create_cluster(cluster(cluster_id, max_lifetime=1))
    (found,) = eventually(client.list_orphaned_pools)
    assert (found.cluster_id, client.get_cluster(cluster_id).state) == (cluster_id, models.ClusterState.ENDED)
    assert client.delete_orphaned_pools(cluster_id) == [found.id]


def test_a_cluster_whose_pool_never_appears_fails_in_every_wait(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    stack.admin.pool_never_appears(job=f"{cluster_id}*", count=-1)
    client.create_cluster(cluster(cluster_id, pool_timeout=1))
    app = models.ApplicationConfiguration(name="a", application=write_program("pass\n"))
    client.submit(cluster_id, app)
    job_id = f"{cluster_id}-job"
    client.submit_job(models.JobConfiguration(job_id, [app], max_dedicated_nodes=1, pool_timeout=1))
    for wait in (
        lambda: client.wait_until_cluster_is_ready(cluster_id, **WAIT),
        lambda: client.wait_until_application_done(cluster_id, "a", **WAIT),
        lambda: client.wait_until_applications_done(cluster_id, **WAIT),
        lambda: client.wait_until_job_finished(job_id, **WAIT),
    ):
        with pytest.raises(errors.ClusterFailedError, match=r"PoolMissing.* has no pool of nodes") as caught:
            wait()
        assert caught.value.code == "PoolMissing"
    assert client.get_cluster(cluster_id).state is models.ClusterState.FAILED
    assert {found.id: found.state for found in client.list_clusters()} == {cluster_id: models.ClusterState.FAILED}
    assert asyncio.run(_start_failures(stack, cluster_id, job_id)) == ["PoolMissing", "PoolMissing"]


async def _start_failures(stack: LocalStack, *ids: str) -> list[str | None]:
    """Ask as triggers, sensors and operators do."""
    async with AsyncClient(secrets_of(stack)) as aio:
        snapshots = await aio.get_snapshots(ids)
        failures = [await snapshots[id].start_failure() for id in ids]
    return [failure and failure.code for failure in failures]


def test_a_pool_may_take_its_time(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.pool_never_appears(job=cluster_id)
    client.create_cluster(cluster(cluster_id))
    assert client.get_cluster(cluster_id).state is models.ClusterState.CREATING


def eventually(ask: Callable[[], list[models.OrphanedPool]]) -> list[models.OrphanedPool]:
    end = time.monotonic() + 20
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
