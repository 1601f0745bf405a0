"""Every operation once, through the official synchronous SDK."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m
from azure.batch.models import _models  # the options of some operations are not public
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

from tests.local.support import eventually, finished, pool_options, read_file, ready_nodes, sleeper

if TYPE_CHECKING:
    from azure.batch import BatchClient

pytestmark = pytest.mark.wire("documented")

FAST = {"polling_interval": 0.05}
# Without an option, or with an empty one, azure-batch 15.1 fails by itself.
REQUEUE = m.BatchNodeDisableSchedulingOptions(node_disable_scheduling_option="requeue")
REBOOT = _models.BatchNodeRebootOptions({"nodeRebootOption": "requeue"})


def test_a_pool_from_its_making_to_its_end(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, target_dedicated_nodes=2, metadata=[m.BatchMetadataItem(name="a", value="1")]))
    assert batch.pool_exists(name)
    with pytest.raises(ResourceExistsError) as caught:
        batch.create_pool(pool_options(name.upper()))
    assert caught.value.error.code == "PoolExists"
    ready_nodes(batch, name, 2)
    pool = batch.get_pool(name)
    assert (pool.allocation_state, pool.current_dedicated_nodes) == ("steady", 2)
    assert name in [found.id for found in batch.list_pools(filter=f"startswith(id,'{name}')", select=["id"])]
    batch.update_pool(name, m.BatchPoolUpdateOptions(start_task=m.BatchStartTask(command_line="true")))
    pool = batch.get_pool(name)
    assert pool.start_task.command_line == "true"
    assert pool.metadata[0].value == "1"
    batch.replace_pool_properties(
        name, m.BatchPoolReplaceOptions(application_package_references=[], metadata=[], start_task=None)
    )
    pool = batch.get_pool(name)
    assert (pool.start_task, pool.metadata) == (None, None)
    batch.begin_resize_pool(name, m.BatchPoolResizeOptions(target_dedicated_nodes=1), **FAST).result()
    (node,) = ready_nodes(batch, name, 1)
    batch.begin_remove_nodes(name, m.BatchNodeRemoveOptions(node_ids=[node.id]), **FAST).result()
    assert (batch.get_pool(name).target_dedicated_nodes, list(batch.list_nodes(name))) == (0, [])
    batch.begin_delete_pool(name, **FAST).result()
    with pytest.raises(ResourceNotFoundError):
        batch.get_pool(name)


def test_a_second_delete_says_that_the_pool_is_going(batch: BatchClient, aztk_local, name: str) -> None:
    batch.create_pool(pool_options(name))
    aztk_local.admin.delays(deletion=2)
    poller = batch.begin_delete_pool(name, **FAST)
    assert batch.get_pool(name).state == "deleting"
    with pytest.raises(ResourceExistsError) as caught:
        batch.begin_delete_pool(name)
    assert caught.value.error.code == "PoolBeingDeleted"
    poller.result()


def test_a_resize_can_be_stopped(batch: BatchClient, aztk_local, name: str) -> None:
    aztk_local.admin.delays(allocation=60)
    batch.create_pool(pool_options(name, target_dedicated_nodes=1))
    with pytest.raises(ResourceExistsError) as caught:
        batch.begin_resize_pool(name, m.BatchPoolResizeOptions(target_dedicated_nodes=2))
    assert caught.value.error.code == "PoolBeingResized"
    pool = batch.begin_stop_pool_resize(name, **FAST).result()
    pool = batch.get_pool(name)
    assert (pool.allocation_state, pool.current_dedicated_nodes) == ("steady", 0)
    assert [error.code for error in pool.resize_errors] == ["ResizeStopped"]
    batch.begin_delete_pool(name)


def test_both_kinds_of_nodes_do_not_talk_to_each_other(batch: BatchClient, name: str) -> None:
    options = {"target_dedicated_nodes": 1, "target_low_priority_nodes": 1}
    with pytest.raises(HttpResponseError) as caught:
        batch.create_pool(pool_options(name, enable_inter_node_communication=True, **options))
    assert caught.value.error.code == "InvalidPropertyValue"
    batch.create_pool(pool_options(name, **options))
    assert {node.is_dedicated for node in ready_nodes(batch, name, 2)} == {True, False}
    batch.begin_delete_pool(name)


def test_extensions_of_a_node(batch: BatchClient, name: str) -> None:
    options = pool_options(name, target_dedicated_nodes=1)
    options.virtual_machine_configuration.extensions = [m.VMExtension(name="mine", publisher="me", type="mine")]
    batch.create_pool(options)
    (node,) = ready_nodes(batch, name, 1)
    names = [found.vm_extension.name for found in batch.list_node_extensions(name, node.id)]
    assert names == ["batchNodeExtension", "mine"]
    assert batch.get_node_extension(name, node.id, "mine").vm_extension.publisher == "me"
    batch.begin_delete_pool(name)


def test_subtasks_are_none(batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t"))
    assert list(batch.list_subtasks(job, "t")) == []


def test_node_counts(batch: BatchClient, pool: str) -> None:
    ready_nodes(batch, pool, 1)
    (counts,) = batch.list_pool_node_counts(filter=f"poolId eq '{pool}'")
    assert (counts.dedicated.idle, counts.dedicated.total, counts.low_priority.total) == (1, 1, 0)


def test_supported_images_are_those_of_a_real_account(batch: BatchClient) -> None:
    images = batch.list_supported_images(filter="verificationType eq 'verified' and osType eq 'linux'")
    with_docker = [image.image_reference for image in images if "DockerCompatible" in (image.capabilities or [])]
    assert {image.offer for image in with_docker} == {"ubuntu-hpc"}
    assert {"2204", "2404", "2404-arm64", "2404-rocm", "2404-v100"} <= {image.sku for image in with_docker}


def test_a_node_is_rebooted(batch: BatchClient, pool: str) -> None:
    (node,) = ready_nodes(batch, pool, 1)
    batch.begin_reboot_node(pool, node.id, REBOOT, **FAST).result()

    def again() -> bool:
        now = batch.get_node(pool, node.id)
        return now.state == "idle" and now.last_boot_time > node.last_boot_time

    eventually(again)


def test_scheduling_on_a_node_can_be_disabled(batch: BatchClient, job: str) -> None:
    (node,) = ready_nodes(batch, job, 1)
    batch.disable_node_scheduling(job, node.id, REQUEUE)
    assert batch.get_node(job, node.id).state == "offline"
    with pytest.raises(ResourceExistsError):
        batch.disable_node_scheduling(job, node.id, REQUEUE)
    batch.create_task(job, sleeper("t"))
    assert batch.get_task(job, "t").state == "active"
    batch.enable_node_scheduling(job, node.id)
    finished(batch, job, "t")


def test_users_of_a_node(batch: BatchClient, pool: str) -> None:
    (node,) = ready_nodes(batch, pool, 1)
    batch.create_node_user(pool, node.id, m.BatchNodeUserCreateOptions(name="me", is_admin=True, ssh_public_key="ssh"))
    with pytest.raises(ResourceExistsError) as caught:
        batch.create_node_user(pool, node.id, m.BatchNodeUserCreateOptions(name="me", password="secret"))
    assert caught.value.error.code == "NodeUserExists"
    batch.replace_node_user(pool, node.id, "me", m.BatchNodeUserReplaceOptions(password="other"))
    batch.delete_node_user(pool, node.id, "me")
    with pytest.raises(ResourceNotFoundError):
        batch.delete_node_user(pool, node.id, "me")


def test_remote_login_goes_by_the_nat_pool(batch: BatchClient, name: str) -> None:
    nat = m.BatchInboundNatPool(
        name="ssh", protocol="tcp", backend_port=22, frontend_port_range_start=15000, frontend_port_range_end=15100
    )
    network = m.NetworkConfiguration(endpoint_configuration=m.BatchPoolEndpointConfiguration(inbound_nat_pools=[nat]))
    batch.create_pool(pool_options(name, target_dedicated_nodes=1, network_configuration=network))
    (node,) = ready_nodes(batch, name, 1)
    (endpoint,) = batch.get_node(name, node.id).endpoint_configuration.inbound_endpoints
    assert (endpoint.name, endpoint.backend_port, endpoint.frontend_port) == ("ssh.0", 22, 15000)
    login = batch.get_node_remote_login_settings(name, node.id)
    assert (login.remote_login_ip_address, login.remote_login_port) == (endpoint.public_ip_address, 15000)
    batch.begin_delete_pool(name)


def test_files_of_a_node(batch: BatchClient, job: str) -> None:
    (node,) = ready_nodes(batch, job, 1)
    folders = {entry.name for entry in batch.list_node_files(job, node.id)}
    assert folders >= {"applications", "fsmounts", "shared", "startup", "volatile", "workitems"}
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line="/bin/sh -c 'echo hi'"))
    finished(batch, job, "t")
    path = f"workitems/{job}/job-1/t/stdout.txt"
    assert b"".join(batch.download_node_file(job, node.id, path)) == b"hi\n"
    assert batch.get_node_file_properties(job, node.id, path).content_length == 3
    batch.delete_node_file(job, node.id, path)
    with pytest.raises(ResourceNotFoundError):
        batch.get_node_file_properties(job, node.id, path)


def test_a_job_from_its_making_to_its_end(batch: BatchClient, pool: str, name: str) -> None:
    info = m.BatchPoolInfo(pool_id=pool)
    batch.create_job(m.BatchJobCreateOptions(id=name + "x", pool_info=info, priority=7))
    with pytest.raises(ResourceExistsError) as caught:
        batch.create_job(m.BatchJobCreateOptions(id=name + "x", pool_info=info))
    assert caught.value.error.code == "JobExists"
    batch.update_job(name + "x", m.BatchJobUpdateOptions(metadata=[m.BatchMetadataItem(name="a", value="b")]))
    job = batch.get_job(name + "x")
    assert (job.priority, job.metadata[0].name) == (7, "a")
    job.priority = 3
    job.metadata = None
    batch.replace_job(name + "x", job)
    job = batch.get_job(name + "x")
    assert (job.priority, job.metadata) == (3, None)
    batch.begin_disable_job(name + "x", m.BatchJobDisableOptions(disable_tasks="requeue"), **FAST).result()
    assert batch.get_job(name + "x").state == "disabled"
    batch.begin_enable_job(name + "x", **FAST).result()
    assert batch.get_job(name + "x").state == "active"
    batch.begin_terminate_job(
        name + "x", _models.BatchJobTerminateOptions(termination_reason="enough"), **FAST
    ).result()
    job = batch.get_job(name + "x")
    assert (job.state, job.execution_info.termination_reason) == ("completed", "enough")
    with pytest.raises(ResourceExistsError) as caught:
        batch.create_task(name + "x", sleeper("late"))
    assert caught.value.error.code == "JobCompleted"
    batch.begin_delete_job(name + "x", **FAST).result()
    with pytest.raises(ResourceNotFoundError) as missing:
        batch.get_job(name + "x")
    assert missing.value.error.code == "JobNotFound"


def test_a_disabled_job_requeues_and_counts_it(batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t", 60))
    eventually(lambda: batch.get_task(job, "t").state == "running")
    batch.begin_disable_job(job, m.BatchJobDisableOptions(disable_tasks="requeue"), **FAST).result()
    task = batch.get_task(job, "t")
    assert (task.state, task.execution_info.requeue_count) == ("active", 1)
    assert task.execution_info.last_requeue_time
    assert task.node_info is None


def test_a_task_from_its_making_to_its_end(batch: BatchClient, job: str) -> None:
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line="/bin/sh -c 'echo out; echo err >&2; exit 5'"))
    task = finished(batch, job, "t")
    assert (task.execution_info.exit_code, task.execution_info.result) == (5, "failure")
    assert task.execution_info.failure_info.code == "FailureExitCode"
    assert (read_file(batch, job, "t"), read_file(batch, job, "t", "stderr.txt")) == ("out\n", "err\n")
    batch.reactivate_task(job, "t")
    assert finished(batch, job, "t").execution_info.retry_count == 0
    batch.delete_task_file(job, "t", "stdout.txt")
    assert "stdout.txt" not in [entry.name for entry in batch.list_task_files(job, "t")]
    batch.delete_task(job, "t")
    with pytest.raises(ResourceNotFoundError) as caught:
        batch.get_task(job, "t")
    assert caught.value.error.code == "TaskNotFound"


def test_a_task_that_succeeded_cannot_be_reactivated(batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t"))
    finished(batch, job, "t")
    with pytest.raises(ResourceExistsError):
        batch.reactivate_task(job, "t")


def test_constraints_of_a_waiting_task_are_replaced(batch: BatchClient, aztk_local, name: str) -> None:
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=m.BatchPoolInfo(pool_id="nowhere")))
    batch.create_task(name, sleeper("t"))
    task = batch.get_task(name, "t")
    task.constraints = m.BatchTaskConstraints(max_task_retry_count=4)
    batch.replace_task(name, "t", task)
    assert batch.get_task(name, "t").constraints.max_task_retry_count == 4
    batch.begin_delete_job(name)


def test_a_task_is_terminated_before_it_ran(batch: BatchClient, name: str) -> None:
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=m.BatchPoolInfo(pool_id="nowhere")))
    batch.create_task(name, sleeper("t"))
    with pytest.raises(ResourceExistsError) as caught:
        read_file(batch, name, "t")
    assert caught.value.status_code == 409
    batch.terminate_task(name, "t")
    task = batch.get_task(name, "t")
    assert (task.state, task.previous_state) == ("completed", "active")
    assert task.execution_info.failure_info.code == "TaskEnded"
    assert task.execution_info.failure_info.message == "Task Was Ended by User Request"
    assert task.execution_info.result == "failure"
    with pytest.raises(ResourceExistsError) as caught:
        batch.terminate_task(name, "t")
    assert caught.value.error.code == "TaskCompleted"
    batch.begin_delete_job(name)


def test_many_tasks_with_large_bodies_are_halved_until_they_fit(batch: BatchClient, name: str) -> None:
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=m.BatchPoolInfo(pool_id="nowhere")))
    filler = "x" * 15_000
    tasks = [m.BatchTaskCreateOptions(id=f"t{n:03}", command_line=f"true {filler}") for n in range(150)]
    result = batch.create_tasks(name, tasks)
    assert len(result.result_values) == 150
    assert batch.get_job_task_counts(name).task_counts.active == 150
    batch.begin_delete_job(name)


def test_conditions_on_etags(batch: BatchClient, job: str) -> None:
    etag = batch.get_job(job).etag
    change = m.BatchJobUpdateOptions(priority=1)
    batch.update_job(job, change, etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError) as caught:
        batch.update_job(job, change, etag=etag, match_condition=MatchConditions.IfNotModified)
    assert (caught.value.status_code, caught.value.error.code) == (412, "ConditionNotMet")
    now = batch.get_job(job).etag
    with pytest.raises(HttpResponseError) as unchanged:
        batch.get_job(job, etag=now, match_condition=MatchConditions.IfModified)
    assert unchanged.value.status_code == 304
    future = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    with pytest.raises(HttpResponseError) as unchanged:
        batch.get_job(job, if_modified_since=future)
    assert unchanged.value.status_code == 304
    past = future - datetime.timedelta(days=1)
    with pytest.raises(HttpResponseError) as unmet:
        batch.update_job(job, change, if_unmodified_since=past)
    assert unmet.value.status_code == 412


@pytest.mark.parametrize("call", ["list_job_schedules", "create_pool_auto_scale", "prep", "multi"])
def test_what_comes_later_says_so(batch: BatchClient, job: str, name: str, call: str) -> None:
    pool = m.BatchPoolInfo(pool_id=job)
    prep = m.BatchJobPreparationTask(command_line="true")
    multi = m.MultiInstanceSettings(coordination_command_line="true", number_of_instances=2)
    calls = {
        "list_job_schedules": lambda: list(batch.list_job_schedules()),
        "create_pool_auto_scale": lambda: batch.create_pool(
            pool_options(name + "a", enable_auto_scale=True, auto_scale_formula="$x=1;")
        ),
        "prep": lambda: batch.create_job(
            m.BatchJobCreateOptions(id=name + "p", pool_info=pool, job_preparation_task=prep)
        ),
        "multi": lambda: batch.create_task(
            job, m.BatchTaskCreateOptions(id="multi", command_line="true", multi_instance_settings=multi)
        ),
    }
    with pytest.raises(HttpResponseError) as caught:
        calls[call]()
    assert (caught.value.status_code, caught.value.error.code) == (501, "NotImplementedByLocalStack")
