"""Ids that name nothing, everything, or the same thing in another case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.credentials import AzureNamedKeyCredential

from airflow_provider_aztk.client import AsyncClient, Client, errors, models
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.local.testing import LocalStack

NO_IDS = ["", ".", "..", "a/b", "a?x=y", "a b", "ü", "x" * 65, None]


@pytest.fixture
def foreign(stack: LocalStack) -> Iterator[BatchClient]:
    """A pool and a job of somebody else's in the same account."""
    key = AzureNamedKeyCredential(stack.batch_account, stack.batch_key)
    with BatchClient(stack.batch_endpoint, key) as client:
        pool = {
            "id": "foreign",
            "vmSize": "standard_d2s_v3",
            "targetDedicatedNodes": 0,
            "virtualMachineConfiguration": {
                "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"},
                "nodeAgentSKUId": "batch.node.ubuntu 24.04",
            },
        }
        client.create_pool(batch.BatchPoolCreateOptions(pool))
        client.create_job(batch.BatchJobCreateOptions({"id": "foreign", "poolInfo": {"poolId": "foreign"}}))
        yield client
        client.begin_delete_job("foreign").result()
        client.begin_delete_pool("foreign").result()


@pytest.mark.parametrize("no_id", NO_IDS)
async def test_no_id_is_refused_and_touches_nothing(
    client: Client, stack: LocalStack, foreign: BatchClient, no_id: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.delete_cluster(no_id),
        lambda: client.delete_job(no_id, keep_logs=True),
        lambda: client.get_cluster(no_id),
        lambda: client.stop_job(no_id),
        lambda: client.get_application("c", no_id),
        lambda: client.stop_application(no_id, "a"),
        lambda: client.read_log("c", no_id),
        lambda: client.read_log(no_id, "a"),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidConfigurationError, match="1 to 64 letters"):
            call()
    async with AsyncClient(secrets_of(stack)) as aio:
        for refused in (aio.delete_cluster(no_id), aio.get_job(no_id), aio.stop_job(no_id), aio.read_log("c", no_id)):
            with pytest.raises(errors.InvalidConfigurationError, match="1 to 64 letters"):
                await refused
    assert foreign.get_pool("foreign").state == "active"
    assert foreign.get_job("foreign").state == "active"


async def test_jobs_of_others_are_left_alone(client: Client, stack: LocalStack, foreign: BatchClient) -> None:
    async with AsyncClient(secrets_of(stack)) as aio:
        with pytest.raises(errors.ClusterNotFoundError):
            client.delete_cluster("foreign")
        with pytest.raises(errors.JobNotFoundError):
            client.stop_job("foreign")
        with pytest.raises(errors.ClusterNotFoundError):
            await aio.delete_cluster("foreign")
        with pytest.raises(errors.JobNotFoundError):
            await aio.stop_job("foreign")
    assert foreign.get_job("foreign").state == "active"


@pytest.mark.slow
async def test_the_tasks_of_the_cluster_itself_are_no_applications(
    client: Client, stack: LocalStack, two_nodes: str
) -> None:
    async with AsyncClient(secrets_of(stack)) as aio:
        for name in ("aztk-gate", "AZTK-Master"):
            with pytest.raises(errors.ApplicationNotFoundError):
                client.stop_application(two_nodes, name)
            with pytest.raises(errors.ApplicationNotFoundError):
                await aio.stop_application(two_nodes, name)


@pytest.mark.slow
def test_a_name_in_another_case_is_the_same_application(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("import time\nprint('zzz', flush=True)\ntime.sleep(600)\n")
    client.submit(two_nodes, models.ApplicationConfiguration(name="sleeper", application=program))
    other = two_nodes.upper()
    while b"zzz" not in client.read_log(two_nodes, "sleeper").data:
        pass
    assert "zzz" in client.get_application_log(other, "Sleeper").log
    assert client.stop_application(other, "SLEEPER")
    done = client.wait_until_application_done(other, "SLEEPER", timeout=60, poll_interval=0.5)
    assert done.outcome is models.Outcome.STOPPED
