"""What Azure Batch refuses or cannot do just now, met by the client: nothing is left, nothing that lives is touched."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import Client, errors, models
from airflow_provider_aztk.client._actions.containers import CLAIM_LIFETIME
from airflow_provider_aztk.client._actions.create_cluster import create_cluster
from airflow_provider_aztk.client._azure.batch import BatchRequest, create_job
from tests.client.live.conftest import eventually_empty, secrets_of
from tests.client.live.test_clusters import blobs_of, conf
from tests.local.support import eventually
from tests.support.performing import AnsweringRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client._requests import Request
    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # seconds each

SUBNET = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/virtualNetworks/v/subnets/n"


@pytest.fixture
def recorded(stack: LocalStack) -> Iterator[LocalStack]:
    stack.admin.record()
    stack.admin.forget_requests()
    yield stack
    stack.admin.record(enabled=False)


def test_a_subnet_with_account_keys_is_refused_before_anything_is_written(
    client: Client, recorded: LocalStack, cluster_id: str
) -> None:
    with pytest.raises(errors.InvalidConfigurationError) as error:
        client.create_cluster(conf(cluster_id, subnet_id=SUBNET))
    (fault,) = error.value.faults
    assert (fault.field, fault.value) == ("subnet_id", repr(SUBNET))
    assert "service principal, a managed identity" in fault.fix
    assert recorded.admin.requests() == []
    assert blobs_of(recorded, cluster_id) == set()


def test_what_batch_says_of_a_subnet_is_kept(stack: LocalStack, runner: Runner, cluster_id: str) -> None:
    network = {"networkConfiguration": {"subnetId": SUBNET}}
    pool = {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": {"vmSize": "standard_d4ds_v5", **network}}}
    with pytest.raises(errors.AuthenticationError, match="SharedKey is not allowed") as error:
        runner.run(create_job({"id": cluster_id, "poolInfo": pool}))
    assert set(error.value.values) == {"AuthenticationErrorDetail"}
    assert "if that is not the reason, check batch_account_name" in str(error.value)


def test_options_and_disk_are_what_batch_takes(client: Client, recorded: LocalStack, cluster_id: str) -> None:
    size = "standard_nc4as_t4_v3"
    wanted = conf(cluster_id, vm_count=1, gpu_enabled=True, vm_size=size, os_disk_size_gb=256)
    client.create_cluster(wanted, wait=True, timeout=60, poll_interval=0.5)
    (call,) = [call for call in recorded.admin.requests() if call["operation"] == "create_job"]
    machine = json.loads(call["body"])["poolInfo"]["autoPoolSpecification"]["pool"]["virtualMachineConfiguration"]
    assert machine["osDisk"] == {"diskSizeGB": 256}
    assert machine["imageReference"]["sku"] == "2404"


def test_the_image_is_logged_and_so_is_a_size_without_a_disk(
    client: Client, stack: LocalStack, cluster_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "airflow_provider_aztk")
    client.create_cluster(conf(cluster_id, vm_size="standard_d4s_v5"))
    said = {record.levelname: record.getMessage() for record in caplog.records if "create_cluster" in record.name}
    assert said["INFO"].endswith("microsoft-dsvm:ubuntu-hpc:2404:latest")
    assert "vm_size='standard_d4s_v5' has no temporary disk" in said["WARNING"]
    assert "os_disk_size_gb" in said["WARNING"]


@pytest.mark.parametrize("code", ["AuthenticationFailed", "InvalidPropertyValue"])
def test_a_refused_job_leaves_no_container_of_an_earlier_try_either(
    client: Client, stack: LocalStack, cluster_id: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_cluster(conf(cluster_id))
    client.delete_cluster(cluster_id, keep_logs=True, wait=True)  # the container stays
    monkeypatch.setattr("airflow_provider_aztk.client._actions.containers.CLAIM_LIFETIME", -CLAIM_LIFETIME)
    stack.admin.http_fault(operation="create_job", status=403 if code.startswith("Auth") else 400, code=code)
    with pytest.raises(errors.AztkError, match=code):
        client.create_cluster(conf(cluster_id))
    assert blobs_of(stack, cluster_id) == set()


def test_a_job_that_may_have_been_made_keeps_its_container(stack: LocalStack, cluster_id: str) -> None:
    """The answer to the POST is lost, again and again."""

    def lose(request: Request[Any]) -> Any:
        if isinstance(request, BatchRequest) and (request.method, request.path) == ("POST", "/jobs"):
            raise errors.ConnectionFailedError("no answer")
        return NotImplemented

    runner = AnsweringRunner(lose, secrets_of(stack))
    with pytest.raises(errors.ConnectionFailedError):
        runner.run(create_cluster(conf(cluster_id)))
    runner.close()
    assert blobs_of(stack, cluster_id) != set()


def test_a_job_that_cannot_have_all_its_tasks_is_ended(client: Client, stack: LocalStack, cluster_id: str) -> None:
    stack.admin.task_error(job=cluster_id, task="aztk-gate", status="ClientError", code="InvalidPropertyValue")
    with pytest.raises(errors.ServiceError, match="aztk-gate"):
        client.create_cluster(conf(cluster_id))
    assert client.get_cluster(cluster_id).state is models.ClusterState.ENDED
    ended = eventually(lambda: (c := client.get_cluster(cluster_id)).visible_state == "completed" and c)
    assert "Not all tasks could be added: InvalidPropertyValue" in str(ended.failure)
    client.delete_cluster(cluster_id)
    eventually_empty(stack)


def test_an_old_cluster_goes_on_where_a_task_of_it_is_refused(
    client: Client, stack: LocalStack, cluster_id: str
) -> None:
    client.create_cluster(conf(cluster_id))
    stack.admin.task_error(job=cluster_id, task="aztk-gate", status="ClientError", code="InvalidPropertyValue")
    with pytest.raises(errors.ServiceError, match="aztk-gate"):
        client.create_cluster(conf(cluster_id))
    assert client.get_cluster(cluster_id).state in (models.ClusterState.CREATING, models.ClusterState.READY)


def test_a_second_stop_and_a_second_deletion_are_no_errors(client: Client, stack: LocalStack, cluster_id: str) -> None:
    """Batch says that it is terminating, or deleting, in a state or in the answer to a request that came too late."""
    stack.admin.delays(allocation=60)
    client.submit_job(
        models.JobConfiguration(
            id=cluster_id,
            max_dedicated_nodes=1,
            applications=[models.ApplicationConfiguration(name="a", application="https://host/a.py")],
        )
    )
    stack.admin.http_fault(operation="terminate_job", status=409, code="JobBeingTerminated")
    assert not client.stop_job(cluster_id)
    stack.admin.delays(termination=60, deletion=2)
    assert client.stop_job(cluster_id)
    assert client.get_job(cluster_id).state is models.JobState.TERMINATING
    assert not client.stop_job(cluster_id)
    stack.admin.http_fault(operation="delete_job", status=409, code="JobBeingDeleted")
    client.delete_job(cluster_id)
    assert client.delete_job(cluster_id)
    assert client.get_job(cluster_id).state is models.JobState.DELETING
    assert not client.delete_job(cluster_id)
    assert not client.stop_job(cluster_id)


def test_a_name_that_is_given_up_slowly_is_waited_for(client: Client, stack: LocalStack, cluster_id: str) -> None:
    """Batch shows the job as deleting; then not at all, while a POST is refused yet."""
    client.create_cluster(conf(cluster_id))
    stack.admin.delays(deletion=2)
    assert client.delete_cluster(cluster_id)
    stack.admin.http_fault(operation="create_job", status=409, code="JobBeingDeleted", count=2)
    assert client.create_cluster(conf(cluster_id)).state is models.ClusterState.CREATING
    assert stack.admin.state()["jobs"] == 1


def test_the_patience_for_a_deletion_is_settable(stack: LocalStack, cluster_id: str) -> None:
    secrets = secrets_of(stack)
    impatient = models.SecretsConfiguration(shared_key=secrets.shared_key, deletion_timeout=timedelta(milliseconds=100))
    assert secrets.deletion_timeout == timedelta(minutes=15)
    with Client(impatient) as client:
        client.create_cluster(conf(cluster_id))
        stack.admin.delays(deletion=2)
        client.delete_cluster(cluster_id)
        with pytest.raises(errors.WaitTimeoutError, match="deletion of the earlier"):
            client.create_cluster(conf(cluster_id))
