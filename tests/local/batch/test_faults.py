"""Trouble on demand, each kind met through the official SDK."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ServiceRequestError, ServiceResponseError

from airflow_provider_aztk.local.admin import AdminClient, AdminError
from airflow_provider_aztk.local.batch.common.settings import new_key
from tests.local.support import (
    auto_pool,
    delete_quietly,
    eventually,
    finished,
    make_client,
    pool_options,
    raw,
    ready_nodes,
    sleeper,
)

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack


def job_on(batch: BatchClient, pool_id: str) -> None:
    """Make a job of the same name as its pool."""
    batch.create_job(m.BatchJobCreateOptions(id=pool_id, pool_info=m.BatchPoolInfo(pool_id=pool_id)))


def remove(batch: BatchClient, name: str) -> None:
    """Delete the job and the pool of a test."""
    delete_quietly(batch.begin_delete_job, name)
    delete_quietly(batch.begin_delete_pool, name)


def test_the_admin_api_needs_the_key(aztk_local: LocalStack) -> None:
    with pytest.raises(AdminError) as caught:
        AdminClient(aztk_local.batch_endpoint, aztk_local.batch_account, new_key()).state()
    assert (caught.value.status, caught.value.code) == (403, "AuthenticationFailed")


def test_an_order_with_an_unknown_word_is_refused(aztk_local: LocalStack) -> None:
    refused = raw(aztk_local, "POST", "/_admin/http-faults", {"statsu": 503})
    assert refused.json["code"] == "InvalidPropertyValue"
    for order in (
        lambda: aztk_local.admin.http_fault(kind="explode"),
        lambda: aztk_local.admin.delays(boot=-1),
    ):
        with pytest.raises(AdminError) as caught:
            order()
        assert caught.value.code == "InvalidPropertyValue"


@pytest.mark.slow
@pytest.mark.wire("documented")
def test_delays_show_every_state_of_a_new_node(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.delays(allocation=1.5, boot=1.5)
    batch.create_pool(pool_options(name, target_dedicated_nodes=1))
    assert (batch.get_pool(name).allocation_state, list(batch.list_nodes(name))) == ("resizing", [])
    eventually(lambda: [node.state.value for node in batch.list_nodes(name)] == ["starting"])
    assert batch.get_pool(name).allocation_state == "steady"
    ready_nodes(batch, name, 1)
    remove(batch, name)


@pytest.mark.wire("documented")
def test_a_resize_error_by_code(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.resize_error(
        pool=name, code="AccountCoreQuotaReached", message="No cores", values={"Limit": "10"}, dedicated=1
    )
    batch.create_pool(pool_options(name, target_dedicated_nodes=3))
    pool = eventually(lambda: (pool := batch.get_pool(name)).allocation_state == "steady" and pool)
    (error,) = pool.resize_errors
    assert (error.code, error.message) == ("AccountCoreQuotaReached", "No cores")
    assert [(pair.name, pair.value) for pair in error.error_values] == [("Limit", "10")]
    assert (pool.current_dedicated_nodes, pool.target_dedicated_nodes) == (1, 3)
    batch.begin_resize_pool(name, m.BatchPoolResizeOptions(target_dedicated_nodes=2), polling_interval=0.05).result()
    pool = batch.get_pool(name)
    assert (pool.resize_errors, pool.current_dedicated_nodes) == (None, 2)
    remove(batch, name)


@pytest.mark.wire("documented")
def test_an_auto_pool_that_cannot_be_made_fails_its_job(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.auto_pool_error(job=name)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=auto_pool(target_dedicated_nodes=1)))
    job = eventually(lambda: (job := batch.get_job(name)).state == "completed" and job)
    assert job.execution_info.scheduling_error.code == "AutoPoolCreationFailedWithQuotaReached"
    assert job.execution_info.scheduling_error.category == "UserError"
    assert job.execution_info.pool_id is None
    with pytest.raises(ResourceExistsError):
        batch.create_task(name, sleeper("t"))
    batch.begin_delete_job(name)


@pytest.mark.wire("documented")
def test_a_failing_start_task(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.start_task_failure(pool=name, exit_code=42)
    start = m.BatchStartTask(command_line="true", wait_for_success=True)
    batch.create_pool(pool_options(name, target_dedicated_nodes=2, start_task=start))
    eventually(lambda: sorted(n.state.value for n in batch.list_nodes(name)) == ["idle", "starttaskfailed"])
    (failed,) = (node for node in batch.list_nodes(name) if node.state == "starttaskfailed")
    assert failed.start_task_info.exit_code == 42
    remove(batch, name)


@pytest.mark.wire("documented")
def test_an_image_that_a_node_cannot_pull(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.image_failure(pool=name, image="*spark*", count=-1)
    batch.create_pool(pool_options(name, containers=True, target_dedicated_nodes=1))
    node = eventually(lambda: next((n for n in batch.list_nodes(name) if n.state == "unusable"), None))
    assert [error.code for error in node.errors] == ["ContainerInvalidImage"]
    remove(batch, name)


@pytest.mark.wire("documented")
def test_an_image_that_a_task_cannot_pull(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.image_failure(image="mine", where="task")
    batch.create_pool(pool_options(name, containers=True, target_dedicated_nodes=1))
    job_on(batch, name)
    for image in ("mine", "other"):
        settings = m.BatchTaskContainerSettings(image_name=image)
        batch.create_task(name, sleeper(image, container_settings=settings))
    assert finished(batch, name, "mine").execution_info.failure_info.code == "ContainerInvalidImage"
    assert finished(batch, name, "other").execution_info.result == "success"
    remove(batch, name)


@pytest.mark.wire("documented")
def test_a_preempted_node_keeps_its_id_and_gives_its_tasks_back(
    batch: BatchClient, aztk_local: LocalStack, name: str
) -> None:
    batch.create_pool(pool_options(name, target_low_priority_nodes=1))
    (node,) = ready_nodes(batch, name, 1)
    assert node.is_dedicated is False
    job_on(batch, name)
    batch.create_task(name, m.BatchTaskCreateOptions(id="t", command_line="/bin/sh -c 'echo $$; exec sleep 600'"))
    pid = int(eventually(lambda: output(batch, name)))
    aztk_local.admin.preempt(name, node.id, restore_after=2)
    assert not Path(f"/proc/{pid}").exists()
    task = batch.get_task(name, "t")
    assert (task.state, task.execution_info.requeue_count, task.execution_info.retry_count) == ("active", 0, 0)
    (preempted,) = batch.list_nodes(name)
    assert (preempted.id, preempted.state) == (node.id, "preempted")
    assert batch.get_pool(name).current_low_priority_nodes == 1
    eventually(lambda: batch.get_task(name, "t").state == "running")
    assert batch.get_task(name, "t").node_info.node_id == node.id
    remove(batch, name)


def output(batch: BatchClient, job_id: str) -> str | None:
    """Read what the task of a job has said, if it said anything."""
    try:
        return b"".join(batch.download_task_file(job_id, "t", "stdout.txt")).decode() or None
    except HttpResponseError:
        return None


def test_dedicated_nodes_are_not_preempted(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    (node,) = ready_nodes(batch, pool, 1)
    with pytest.raises(AdminError):
        aztk_local.admin.preempt(pool, node.id)


@pytest.mark.wire("documented")
@pytest.mark.parametrize("replace", [True, False])
def test_a_lost_node(batch: BatchClient, aztk_local: LocalStack, job: str, replace: bool) -> None:
    (node,) = ready_nodes(batch, job, 1)
    batch.create_task(job, sleeper("t", 60))
    eventually(lambda: batch.get_task(job, "t").state == "running")
    aztk_local.admin.fail_node(job, node.id, replace=replace)
    if replace:
        (other,) = ready_nodes(batch, job, 1)
        assert other.id != node.id
        eventually(lambda: batch.get_task(job, "t").state == "running")
        assert batch.get_task(job, "t").node_info.node_id == other.id
    else:
        assert [found.state.value for found in batch.list_nodes(job)] == ["unknown"]
        assert batch.get_task(job, "t").state == "active"
    assert batch.get_task(job, "t").execution_info.requeue_count == 0


@pytest.mark.wire("documented")
def test_a_rebooted_node_runs_its_tasks_again(batch: BatchClient, aztk_local: LocalStack, job: str) -> None:
    (node,) = ready_nodes(batch, job, 1)
    batch.create_task(job, sleeper("t", 60))
    first = eventually(lambda: batch.get_task(job, "t").execution_info.start_time)
    aztk_local.admin.reboot(job, node.id)

    def again() -> bool:
        task = batch.get_task(job, "t")
        return task.state == "running" and task.execution_info.start_time > first

    eventually(again)
    assert batch.get_task(job, "t").execution_info.retry_count == 0


@pytest.mark.wire("documented")
def test_a_lost_manager_runs_again_elsewhere_and_makes_room(
    batch: BatchClient, aztk_local: LocalStack, name: str
) -> None:
    manager = m.BatchJobManagerTask(
        id="manager",
        command_line="-",
        environment_settings=sleeper("x", 60).environment_settings,
        required_slots=5,
        run_exclusive=False,
    )
    info = auto_pool(target_dedicated_nodes=2, task_slots_per_node=8)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=info, job_manager_task=manager))
    batch.create_task(name, sleeper("worker", 60, required_slots=5))
    eventually(lambda: batch.get_task(name, "worker").state == "running")
    eventually(lambda: batch.get_task(name, "manager").state == "running")
    pool_id = batch.get_job(name).execution_info.pool_id
    lost = batch.get_task(name, "manager").node_info.node_id
    other = batch.get_task(name, "worker").node_info.node_id
    assert lost != other
    aztk_local.admin.fail_node(pool_id, lost, replace=False)
    eventually(lambda: batch.get_task(name, "manager").state == "running")
    again = batch.get_task(name, "manager")
    assert again.node_info.node_id == other
    assert again.execution_info.retry_count == 0
    assert batch.get_task(name, "worker").state == "active"
    assert batch.get_job(name).state == "active"
    batch.begin_delete_job(name)


@pytest.mark.wire("documented")
def test_tasks_start_in_another_order(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    job_on(batch, pool)
    aztk_local.admin.shuffle(seed=7)
    batch.create_task(pool, sleeper("blocker", 60, required_slots=4))
    batch.create_tasks(pool, [sleeper(f"t{n:02}", 0.001, required_slots=4) for n in range(30)])
    batch.terminate_task(pool, "blocker")
    eventually(lambda: batch.get_job_task_counts(pool).task_counts.completed == 31)
    tasks = list(batch.list_tasks(pool, filter="startswith(id,'t')"))
    by_start = sorted(tasks, key=lambda task: task.execution_info.start_time)
    by_creation = sorted(tasks, key=lambda task: task.creation_time)
    assert [task.id for task in by_start] != [task.id for task in by_creation]
    batch.begin_delete_job(pool)


@pytest.mark.wire("documented")
@pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServerBusy")])
def test_http_errors_by_operation_and_count(
    batch: BatchClient, aztk_local: LocalStack, pool: str, status: int, code: str
) -> None:
    # Only for this pool: pollers of the SDK, in threads, still ask for the pools of earlier tests.
    aztk_local.admin.http_fault(
        operation="get_pool", path=f"/pools/{pool}", status=status, retry_after=3, count=2, skip=1
    )
    assert batch.get_pool(pool).id == pool
    for _ in range(2):
        with pytest.raises(HttpResponseError) as caught:
            batch.get_pool(pool)
        assert (caught.value.status_code, caught.value.error.code) == (status, code)
        assert caught.value.response.headers["Retry-After"] == "3"
        list(batch.list_pools())  # others are not touched
    assert batch.get_pool(pool).id == pool


@pytest.mark.wire("documented")
def test_the_sdk_retries_what_is_throttled(aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.http_fault(operation="get_pool", path=f"/pools/{pool}", status=429, retry_after=0.1, count=2)
    with make_client(aztk_local) as patient:
        assert patient.get_pool(pool).id == pool


def test_a_reset_connection(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.http_fault(operation="get_pool", path=f"/pools/{pool}", kind="reset")
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        batch.get_pool(pool)
    assert batch.get_pool(pool).id == pool


def test_a_reset_after_the_operation_happened(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.http_fault(operation="create_job", kind="reset", after=True)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        job_on(batch, pool)
    assert batch.get_job(pool).state == "active"
    batch.begin_delete_job(pool)


def test_a_delayed_answer(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.http_fault(operation="get_pool", path=f"/pools/{pool}", kind="delay", seconds=0.5)
    start = time.monotonic()
    assert batch.get_pool(pool).id == pool
    assert time.monotonic() - start >= 0.5


def test_a_truncated_body(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.http_fault(operation="get_pool", path=f"/pools/{pool}", kind="truncate")
    with pytest.raises((HttpResponseError, ServiceResponseError)):
        batch.get_pool(pool)
    assert batch.get_pool(pool).id == pool


def test_requests_are_recorded_on_demand(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.forget_requests()
    aztk_local.admin.record()
    try:
        job_on(batch, pool)
    finally:
        aztk_local.admin.record(enabled=False)
    batch.begin_delete_job(pool)
    (call,) = aztk_local.admin.requests()
    assert (call["operation"], call["status"]) == ("create_job", 201)
    assert f'"{pool}"' in call["body"]
    assert "authorization" not in call["headers"]
