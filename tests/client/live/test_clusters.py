"""Clusters: what is made is taken away, what cannot work says why, and everything is safe to repeat."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from airflow_provider_aztk.client import Client, _naming, errors, models
from airflow_provider_aztk.client._actions.delete_cluster import delete_ended_cluster
from airflow_provider_aztk.client._azure import batch
from tests.client.live.conftest import eventually_empty, secrets_of
from tests.support.performing import AnsweringRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.local.testing import LocalStack

WAIT = {"timeout": 60, "poll_interval": 0.5}


def conf(cluster_id: str, **fields: object) -> models.ClusterConfiguration:
    return models.ClusterConfiguration(**{"cluster_id": cluster_id, "vm_count": 2, **fields})  # type: ignore[arg-type]


def blobs_of(stack: LocalStack, id: str) -> set[str]:
    """Look with the official SDK: names of blobs, or nothing where the container is gone."""
    credential = {"account_name": stack.blob_account, "account_key": stack.blob_key}
    with BlobServiceClient(str(stack.blob_endpoint), credential=credential) as service:
        try:
            return set(service.get_container_client(_naming.container_name(id)).list_blob_names())
        except ResourceNotFoundError:
            return set()


def test_life_of_a_cluster(client: Client, stack: LocalStack, cluster_id: str) -> None:
    made = client.create_cluster(conf(cluster_id, metadata={"dag": "etl"}))
    assert made.state in (models.ClusterState.CREATING, models.ClusterState.READY)
    ready = client.wait_until_cluster_is_ready(cluster_id, **WAIT)
    assert ready.is_ready
    assert ready.spark_master_url is not None
    assert (ready.total_target_nodes, ready.visible_state, ready.metadata) == (2, "steady", {"dag": "etl"})
    assert {node["state"] for node in ready.nodes} <= {"idle", "running"}
    assert cluster_id in [cluster.id for cluster in client.list_clusters()]
    assert client.list_jobs() == []

    assert client.delete_cluster(cluster_id, wait=True)
    assert not client.delete_cluster(cluster_id)
    with pytest.raises(errors.ClusterNotFoundError):
        client.get_cluster(cluster_id)
    eventually_empty(stack)
    assert blobs_of(stack, cluster_id) == set()


def test_no_account_key_in_anything_that_was_sent_or_put(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.record()
    client.create_cluster(conf(cluster_id), wait=True, **WAIT)
    requests = stack.admin.requests()
    assert {"create_job", "create_task_collection"} <= {request["operation"] for request in requests}
    keys = [stack.batch_key, str(stack.blob_key)]
    assert not any(key in str(request["body"]) for key in keys for request in requests)
    credential = {"account_name": stack.blob_account, "account_key": stack.blob_key}
    with BlobServiceClient(str(stack.blob_endpoint), credential=credential) as service:
        container = service.get_container_client(_naming.container_name(cluster_id))
        blobs = {name: container.download_blob(name).readall() for name in container.list_blob_names()}
    assert "node/access.json" in blobs
    assert not any(key.encode() in data for key in keys for data in blobs.values())


def test_second_cluster_of_the_same_id_is_refused_and_the_first_is_untouched(
    client: Client, stack: LocalStack, cluster_id: str
) -> None:
    client.create_cluster(conf(cluster_id))
    before = blobs_of(stack, cluster_id)
    with pytest.raises(errors.ClusterExistsError, match=f"cluster_id='{cluster_id}'.*another definition"):
        client.create_cluster(conf(cluster_id, vm_count=3))
    with pytest.raises(errors.ClusterExistsError):
        client.create_cluster(conf(cluster_id.upper(), vm_count=3))
    assert before <= blobs_of(stack, cluster_id)
    assert client.get_cluster(cluster_id).total_target_nodes == 2


@pytest.mark.slow
def test_the_same_definition_again_is_the_same_cluster(client: Client, stack: LocalStack, cluster_id: str) -> None:
    client.create_cluster(conf(cluster_id))
    client.create_cluster(conf(cluster_id))
    assert stack.admin.state()["jobs"] == 1
    assert client.wait_until_cluster_is_ready(cluster_id, **WAIT).is_ready


@pytest.mark.slow
def test_a_half_made_cluster_is_finished_on_retry(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.http_fault(
        operation="create_task_collection", kind="error", status=400, code="InvalidRequestBody", count=1
    )
    with pytest.raises(errors.ServiceError):
        client.create_cluster(conf(cluster_id))
    ready = client.create_cluster(conf(cluster_id), wait=True, **WAIT)
    assert ready.is_ready
    tasks = {task.name for task in client.list_cluster_applications(cluster_id)}
    assert tasks == set()  # workers and gate are ours, and no applications


def test_a_refused_create_leaves_nothing(client: Client, stack: LocalStack, cluster_id: str) -> None:
    code = "ActiveJobAndScheduleQuotaReached"
    stack.admin.http_fault(operation="create_job", kind="error", status=409, code=code, count=1)
    with pytest.raises(errors.ServiceError) as error:
        client.create_cluster(conf(cluster_id))
    assert (error.value.code, error.value.status) == (code, 409)
    assert error.value.request_id
    assert blobs_of(stack, cluster_id) == set()
    eventually_empty(stack)


@pytest.mark.slow
def test_a_lost_answer_does_not_make_two(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.http_fault(operation="create_job", kind="reset", after=True, count=1)
    stack.admin.http_fault(operation="create_task_collection", kind="reset", after=True, count=1)
    assert client.create_cluster(conf(cluster_id), wait=True, **WAIT).is_ready
    assert stack.admin.state()["jobs"] == 1


@pytest.mark.slow
def test_throttling_is_honoured(client: Client, stack: LocalStack, cluster_id: str) -> None:
    for status, code in ((429, "TooManyRequests"), (503, "ServerBusy")):
        stack.admin.http_fault(operation="create_job", kind="error", status=status, code=code, retry_after=1, count=1)
    begin = time.monotonic()
    client.create_cluster(conf(cluster_id))
    assert time.monotonic() - begin >= 2  # the service said one second, twice


@pytest.mark.parametrize("code", ["AccountCoreQuotaReached", "AllocationFailed"])
def test_a_wait_ends_at_once_when_there_can_be_no_node(
    client: Client, stack: LocalStack, cluster_id: str, code: str
) -> None:
    stack.admin.resize_error(pool="*", code=code, message="no cores left", values={"Limit": "0"}, count=1)
    with pytest.raises(errors.ClusterFailedError) as error:
        client.create_cluster(conf(cluster_id), wait=True, **WAIT)
    assert error.value.code == code
    assert "no cores left" in str(error.value)
    assert client.get_cluster(cluster_id).state is models.ClusterState.FAILED


def test_a_failed_auto_pool_says_so(client: Client, stack: LocalStack, cluster_id: str) -> None:
    code = "AutoPoolCreationFailedWithQuotaReached"
    stack.admin.auto_pool_error(job="*", code=code, message="too many pools", count=1)
    with pytest.raises(errors.ClusterFailedError) as error:
        client.create_cluster(conf(cluster_id), wait=True, **WAIT)
    assert error.value.code == code


def test_an_image_that_cannot_be_pulled_says_so(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.image_failure(pool="*", image="*", where="node", count=2)
    with pytest.raises(errors.ClusterFailedError) as error:
        client.create_cluster(conf(cluster_id), wait=True, **WAIT)
    assert "image" in str(error.value).lower()


@pytest.mark.slow
def test_a_missing_spot_node_does_not_end_the_wait(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.resize_error(pool="*", code="AccountSpotCoreQuotaReached", dedicated=0, low_priority=1, count=1)
    wanted = conf(cluster_id, vm_count=None, vm_low_pri_count=2)
    cluster = client.create_cluster(wanted, wait=True, **WAIT)
    assert cluster.is_ready
    assert cluster.total_current_nodes == 1


CREATE_AND_DIE = """
import os, signal, sys
from airflow_provider_aztk.client import Client, models
client = Client(models.SecretsConfiguration.from_yaml(sys.stdin.read()))
conf = models.ClusterConfiguration(cluster_id=sys.argv[1], vm_count=2, idle_timeout=2)
client.create_cluster(conf, wait=True, timeout=60, poll_interval=0.5)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_an_idle_cluster_ends_itself_with_its_client_killed(stack: LocalStack, cluster_id: str) -> None:
    command = [sys.executable, "-c", CREATE_AND_DIE, cluster_id]
    died = subprocess.run(command, input=secrets_of(stack).to_yaml(), text=True, timeout=90, check=False)
    assert died.returncode == -9
    end = time.monotonic() + 60
    while stack.admin.state()["pools"]:
        assert time.monotonic() < end
        time.sleep(0.5)
    with Client(secrets_of(stack)) as client:
        ended = client.get_cluster(cluster_id)
        assert ended.state is models.ClusterState.ENDED
        with pytest.raises(errors.ClusterExistsError, match="that has ended"):
            client.create_cluster(conf(cluster_id, idle_timeout=2))


@pytest.mark.slow
def test_max_lifetime_ends_a_cluster(client: Client, stack: LocalStack, cluster_id: str) -> None:
    client.create_cluster(conf(cluster_id, max_lifetime=3))
    end = time.monotonic() + 60
    while (cluster := client.get_cluster(cluster_id)).visible_state != "completed":
        assert time.monotonic() < end
        time.sleep(0.5)
    assert cluster.state is models.ClusterState.ENDED
    assert "MaxWallClockTimeExpiry" in str(cluster.failure)


@pytest.mark.slow
def test_only_a_cluster_that_has_ended_makes_way(client: Client, stack: LocalStack, cluster_id: str) -> None:
    assert not client.delete_ended_cluster(cluster_id), "there is none"
    short = conf(cluster_id, max_lifetime=3)
    client.create_cluster(short)
    assert not client.delete_ended_cluster(cluster_id), "it is alive"
    end = time.monotonic() + 60
    while client.get_cluster(cluster_id).state is not models.ClusterState.ENDED:
        assert time.monotonic() < end
        time.sleep(0.3)
    with pytest.raises(errors.ClusterExistsError, match="has ended"):
        client.create_cluster(short)
    assert client.delete_ended_cluster(cluster_id)
    assert client.create_cluster(short).state is models.ClusterState.CREATING


def test_a_cluster_that_somebody_made_meanwhile_is_not_deleted(
    client: Client, stack: LocalStack, runner: Runner, cluster_id: str
) -> None:
    client.create_cluster(conf(cluster_id))
    get_job = batch.get_job(cluster_id)
    earlier = {**runner.run(get_job), "state": "completed", "eTag": '"0x1"'}  # the state before the new one came
    late = AnsweringRunner(lambda request: earlier if request == get_job else NotImplemented, secrets_of(stack))
    assert not late.run(delete_ended_cluster(cluster_id))
    late.close()
    assert stack.admin.state()["jobs"] == 1


@pytest.mark.parametrize(
    ("field", "service"),
    [("batch_account_key", "Azure Batch"), ("storage_account_key", "Azure Storage")],
)
def test_a_wrong_key_is_named_before_anything_is_made(
    stack: LocalStack, cluster_id: str, field: str, service: str
) -> None:
    with Client(secrets_of(stack, **{field: "d3Jvbmcga2V5"})) as client:
        with pytest.raises(errors.AuthenticationError) as error:
            client.create_cluster(conf(cluster_id))
        assert error.value.service == service
        assert field in str(error.value)
        assert "d3Jvbmcga2V5" not in str(error.value)
        with pytest.raises(errors.AuthenticationError, match=service):
            client.test_connection()
    assert stack.admin.state()["jobs"] == 0


@pytest.mark.slow
def test_nobody_there_is_a_clear_error(stack: LocalStack) -> None:
    with (
        Client(secrets_of(stack, batch_service_url="http://127.0.0.1:9")) as client,
        pytest.raises(errors.ConnectionFailedError, match="did not answer"),
    ):
        client.test_connection()


@pytest.mark.slow
def test_a_user_on_every_node_is_safe_to_repeat(client: Client, two_nodes: str) -> None:
    client.create_user(two_nodes, "spark", password="Pa55-word!")
    client.create_user(two_nodes, "spark", ssh_key="ssh-rsa AAAA me")
    with pytest.raises(errors.InvalidConfigurationError, match="exactly one"):
        client.create_user(two_nodes, "spark", password="a", ssh_key="b")


@pytest.mark.slow
def test_where_to_log_in(client: Client, cluster_id: str) -> None:
    wanted = conf(cluster_id, ssh_allowed_sources=["203.0.113.0/24"])
    cluster = client.create_cluster(wanted, wait=True, **WAIT)
    login = client.get_remote_login_settings(cluster_id, cluster.nodes[0]["id"])
    assert login.ip_address
    assert login.port > 0
    with pytest.raises(errors.AztkError, match="no node"):
        client.get_remote_login_settings(cluster_id, "nobody")


@pytest.mark.slow
def test_ssh_that_was_not_asked_for_says_how(client: Client, two_nodes: str) -> None:
    node = client.get_cluster(two_nodes).nodes[0]["id"]
    with pytest.raises(errors.AztkError, match="ssh_allowed_sources"):
        client.get_remote_login_settings(two_nodes, node)


@pytest.mark.slow
def test_several_clusters_in_parallel(client: Client, cluster_id: str) -> None:
    ids = [f"{cluster_id}-{index}" for index in range(4)]
    client.create_clusters_in_parallel([conf(id, vm_count=1) for id in ids])
    client.wait_until_all_clusters_are_ready(ids, **WAIT)
    assert {cluster.id for cluster in client.list_clusters()} == set(ids)


@pytest.mark.slow
def test_a_pool_that_goes_between_two_requests_is_no_error(client: Client, stack: LocalStack, cluster_id: str) -> None:
    client.create_cluster(conf(cluster_id), wait=True, **WAIT)
    stack.admin.http_fault(operation="list_nodes", kind="error", status=404, code="PoolNotFound", count=1)
    assert client.get_cluster(cluster_id).nodes == ()


@pytest.mark.slow
def test_a_custom_script_that_fails_is_reported_with_its_output(
    client: Client, cluster_id: str, write_program: Callable[..., str]
) -> None:
    text = "#!/bin/sh\necho installing libfoo\necho 'E: Unable to locate package libfoo' >&2\nexit 100\n"
    script = models.CustomScript(name="setup", script=write_program(text, "setup.sh"), run_on="all-nodes")
    with pytest.raises(errors.ClusterFailedError) as error:
        client.create_cluster(conf(cluster_id, custom_scripts=[script]), wait=True, **WAIT)
    said = r"installing libfoo\n.*E: Unable to locate package libfoo\n.*setup ended with exit code 100"
    assert re.search(said, str(error.value), re.DOTALL)
    job_id = f"{cluster_id}-job"
    app = models.ApplicationConfiguration(name="a", application=write_program("print(1)"))
    client.submit_job(
        models.JobConfiguration(id=job_id, applications=[app], max_dedicated_nodes=1, custom_scripts=[script])
    )
    done = client.wait_until_job_finished(job_id, **WAIT)
    assert done.outcome is models.Outcome.FAILED
    assert re.search(said, str(done.failure), re.DOTALL)


@pytest.mark.slow
def test_a_cluster_whose_creation_nobody_finishes_ends_itself(
    client: Client, stack: LocalStack, cluster_id: str
) -> None:
    stack.admin.http_fault(operation="create_task_collection", status=400, code="InvalidRequestBody", count=1)
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=2, incomplete_timeout=2)
    with pytest.raises(errors.ServiceError):
        client.create_cluster(conf)
    end = time.monotonic() + 60
    while not (found := client.get_cluster(cluster_id)).state.is_terminal:
        assert time.monotonic() < end
        time.sleep(0.3)
    assert found.state is models.ClusterState.ENDED
    assert found.failure is not None
    assert "its creation was never finished" in found.failure.message


@pytest.mark.slow
def test_a_complete_cluster_outlives_the_time_for_an_incomplete_one(client: Client, cluster_id: str) -> None:
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=2, incomplete_timeout=1)
    client.create_cluster(conf, wait=True, timeout=60, poll_interval=0.5)
    time.sleep(3)
    assert client.get_cluster(cluster_id).is_ready
