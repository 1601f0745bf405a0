"""The main actions through both clients: the same results, the same errors, the same requests."""

from __future__ import annotations

import asyncio
import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import AsyncClient, Client, _naming, errors, models
from airflow_provider_aztk.client._azure import batch
from airflow_provider_aztk.client._azure.storage import ContainerMetadata
from tests.client.live.conftest import eventually_empty, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.local.testing import LocalStack

WAIT = {"timeout": 60, "poll_interval": 0.5}


class BlockingClient:
    """An AsyncClient whose methods return results, as those of a Client do."""

    def __init__(self, client: AsyncClient, loop: asyncio.Runner) -> None:
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)

        async def listed(items: Any) -> list[Any]:
            return [item async for item in items]

        def call(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            return self._loop.run(listed(result) if inspect.isasyncgen(result) else result)

        return call if callable(found) else found


@pytest.fixture
def blocking(stack: LocalStack) -> Iterator[Any]:
    with asyncio.Runner() as loop:
        client = BlockingClient(AsyncClient(secrets_of(stack)), loop)
        yield client
        client.close()


#: What the sync client does is tried in all other files, too.
@pytest.fixture(params=[pytest.param("sync", marks=pytest.mark.slow), "async"])
def either(request: pytest.FixtureRequest) -> Any:
    """A client of a kind."""
    return request.getfixturevalue("client" if request.param == "sync" else "blocking")


def conf(cluster_id: str, **fields: Any) -> models.ClusterConfiguration:
    return models.ClusterConfiguration(**{"cluster_id": cluster_id, "vm_count": 1, **fields})


@pytest.mark.slow
def test_life_of_a_cluster_and_its_application(
    either: Any, stack: LocalStack, runner: Runner, cluster_id: str, write_program: Callable[..., str]
) -> None:
    either.test_connection()
    assert either.create_cluster(conf(cluster_id), wait=True, **WAIT).is_ready
    assert either.create_cluster(conf(cluster_id)).id == cluster_id, "again: it is the same"
    with pytest.raises(errors.ClusterExistsError):
        either.create_cluster(conf(cluster_id, vm_count=2))
    assert [cluster.id for cluster in either.list_clusters()] == [cluster_id]
    assert either.get_configuration(cluster_id)["cluster_id"] == cluster_id
    app = models.ApplicationConfiguration(name="a", application=write_program("print('hello')\n"))
    either.submit(cluster_id, app, wait=True, **WAIT)
    either.submit(cluster_id, app)
    with pytest.raises(errors.ApplicationExistsError):
        either.submit(cluster_id, models.ApplicationConfiguration(name="a", application=write_program("1\n", "b.py")))
    assert either.get_application_status(cluster_id, "a") == "completed"
    assert [found.name for found in either.list_cluster_applications(cluster_id)] == ["a"]
    assert "hello" in either.get_application_log(cluster_id, "a").log
    assert b"".join(either.stream_application_log(cluster_id, "a")) == either.read_log(cluster_id, "a").data
    assert not either.stop_application(cluster_id, "a")
    assert not either.is_application_stopping(cluster_id, "a")
    either.create_user(cluster_id, "spark", password="Pa55-word!", expiry=timedelta(hours=1))
    assert either.delete_cluster(cluster_id, keep_logs=True, wait=True)
    assert "hello" in either.get_application_log(cluster_id, "a").log
    assert runner.run(ContainerMetadata(_naming.container_name(cluster_id)))[0] == {"aztk_kept": "logs"}
    assert either.delete_cluster(cluster_id)
    assert not either.delete_cluster(cluster_id)
    eventually_empty(stack)


@pytest.mark.slow
def test_life_of_a_job(either: Any, cluster_id: str, write_program: Callable[..., str]) -> None:
    app = models.ApplicationConfiguration(name="a", application=write_program("pass\n"))
    either.submit_job(models.JobConfiguration(id=cluster_id, applications=[app], max_dedicated_nodes=1))
    assert either.wait_until_job_finished(cluster_id, **WAIT).outcome is models.Outcome.SUCCESS
    assert either.get_application(cluster_id, "a").exit_code == 0
    assert [job.id for job in either.list_jobs()] == [cluster_id]
    assert not either.stop_job(cluster_id)
    assert either.delete_job(cluster_id)


def test_what_does_not_exist_is_the_same_error(either: Any) -> None:
    for call, kind in (
        (either.get_cluster, errors.ClusterNotFoundError),
        (either.list_cluster_applications, errors.ClusterNotFoundError),
        (either.get_job, errors.JobNotFoundError),
        (either.stop_job, errors.JobNotFoundError),
    ):
        with pytest.raises(kind):
            call("nowhere")
    with pytest.raises(errors.JobNotFoundError):
        either.get_application("nowhere", "a")
    with pytest.raises(errors.ApplicationNotFoundError):
        either.stop_application("nowhere", "a")


def test_a_pool_that_outlived_its_job_is_deleted(either: Any, stack: LocalStack, runner: Runner) -> None:
    metadata = _naming.to_metadata({_naming.CLUSTER_ID: "orphan"})
    runner.run(batch.BatchRequest("POST", "/pools", batch.nothing, {**_POOL, "id": "orphaned", "metadata": metadata}))
    assert either.delete_cluster("orphan")
    eventually_empty(stack)


_POOL = {
    "vmSize": "Standard_D2s_v3",
    "virtualMachineConfiguration": {
        "imageReference": {"publisher": "p", "offer": "o", "sku": "s"},
        "nodeAgentSKUId": "batch.node.ubuntu 24.04",
    },
}


@pytest.mark.slow
def test_both_clients_send_the_same_requests(
    client: Client, blocking: Any, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    app = models.ApplicationConfiguration(name="a", application=write_program("pass\n"))

    def requests(client: Any, id: str) -> list[str]:
        stack.admin.forget_requests()
        client.create_cluster(conf(id, vm_image="p:o:s@batch.node.ubuntu 24.04"))
        client.submit(id, app)
        client.submit(id, app)
        client.get_cluster(id)
        client.list_cluster_applications(id)
        client.delete_ended_cluster(id)
        client.delete_cluster(id, keep_logs=True)
        return [str(request["operation"]) for request in stack.admin.requests()]

    stack.admin.delays(allocation=600)
    stack.admin.record()
    try:
        sent = [requests(client, f"{cluster_id}-s"), requests(blocking, f"{cluster_id}-a")]
    finally:
        stack.admin.record(enabled=False)
        stack.admin.delays(allocation=0)
    assert sent[0] == sent[1]
    assert sent[0][:3] == ["get_job", "create_job", "create_task_collection"]
