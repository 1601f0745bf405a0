"""Orders that make the emulator behave as the real service may, each met through the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m

from airflow_provider_aztk.local.admin import AdminError
from tests.local.support import (
    auto_pool,
    delete_quietly,
    eventually,
    finished,
    pool_options,
    raw,
    read_file,
    ready_nodes,
    sleeper,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

ONCE = m.BatchTaskConstraints(max_task_retry_count=1)
#: Fails if nothing was left by an earlier try; says what there is.
SECOND_TIME = "/bin/sh -c 'echo $AZ_BATCH_NODE_ID; test -e left; code=$?; touch left; exit $code'"


@pytest.fixture
def two_nodes(batch: BatchClient, name: str) -> Iterator[str]:
    """A pool with two nodes, and a job on it."""
    batch.create_pool(pool_options(name, target_dedicated_nodes=2, task_slots_per_node=4))
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=m.BatchPoolInfo(pool_id=name)))
    ready_nodes(batch, name, 2)
    yield name
    delete_quietly(batch.begin_delete_job, name)
    delete_quietly(batch.begin_delete_pool, name)


@pytest.mark.wire("documented")
def test_a_retry_on_the_same_node_finds_what_the_last_try_left(batch: BatchClient, job: str) -> None:
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line=SECOND_TIME, constraints=ONCE))
    info = finished(batch, job, "t").execution_info
    assert (info.exit_code, info.retry_count) == (0, 1)


@pytest.mark.wire("documented")
def test_a_retry_that_moves_finds_an_empty_directory(
    batch: BatchClient, aztk_local: LocalStack, two_nodes: str
) -> None:
    aztk_local.admin.retries_move()
    batch.create_task(two_nodes, m.BatchTaskCreateOptions(id="t", command_line=SECOND_TIME, constraints=ONCE))
    info = finished(batch, two_nodes, "t").execution_info
    assert (info.exit_code, info.retry_count, info.requeue_count) == (1, 1, 0)
    first = next(node for node in batch.list_nodes(two_nodes) if not node.recent_tasks)
    assert read_file(batch, two_nodes, "t").split() != [first.id]


@pytest.mark.wire("guessed")
def test_a_task_that_was_terminated_blocks_its_dependents(
    batch: BatchClient, aztk_local: LocalStack, pool: str
) -> None:
    aztk_local.admin.terminated_tasks_block()
    options = m.BatchJobCreateOptions(
        id=pool,
        pool_info=m.BatchPoolInfo(pool_id=pool),
        uses_task_dependencies=True,
        task_failure_mode="performexitoptionsjobaction",
    )
    batch.create_job(options)
    goes_on = m.ExitOptions(job_action="none", dependency_action="satisfy")
    first = sleeper("first", 600, exit_conditions=m.ExitConditions(default=goes_on))
    batch.create_task(pool, first)
    batch.create_task(pool, sleeper("second", depends_on=m.BatchTaskDependencies(task_ids=["first"])))
    batch.terminate_task(pool, "first")
    assert finished(batch, pool, "first").execution_info.failure_info.code == "TaskEnded"
    batch.create_task(pool, sleeper("third"))
    finished(batch, pool, "third")
    assert (batch.get_task(pool, "second").state, batch.get_job(pool).state) == ("active", "active")
    delete_quietly(batch.begin_delete_job, pool)


@pytest.mark.wire("guessed")
def test_exit_code_zero_does_nothing_to_a_job(batch: BatchClient, aztk_local: LocalStack, pool: str) -> None:
    aztk_local.admin.exit_code_zero_never_acts()
    options = m.BatchJobCreateOptions(
        id=pool, pool_info=m.BatchPoolInfo(pool_id=pool), task_failure_mode="performexitoptionsjobaction"
    )
    batch.create_job(options)
    ends = m.ExitConditions(exit_codes=[m.ExitCodeMapping(code=0, exit_options=m.ExitOptions(job_action="terminate"))])
    batch.create_task(pool, sleeper("t", exit_conditions=ends))
    finished(batch, pool, "t")
    assert batch.get_job(pool).state == "active"
    delete_quietly(batch.begin_delete_job, pool)


@pytest.mark.wire("guessed")
def test_a_pool_survives_its_job(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.pool_survives_job(job=name)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=auto_pool(target_dedicated_nodes=1)))
    pool_id = batch.get_job(name).execution_info.pool_id
    batch.begin_delete_job(name, polling_interval=0.05).result()
    assert batch.get_pool(pool_id).state == "active"
    batch.begin_delete_pool(pool_id)


@pytest.mark.wire("guessed")
def test_a_pool_never_appears(batch: BatchClient, aztk_local: LocalStack, name: str) -> None:
    aztk_local.admin.pool_never_appears(job=name)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=auto_pool(target_dedicated_nodes=1)))
    batch.create_task(name, sleeper("t"))
    job = batch.get_job(name)
    assert (job.state, job.execution_info.pool_id, job.execution_info.scheduling_error) == ("active", None, None)
    batch.begin_delete_job(name)


@pytest.mark.wire("documented")
def test_a_full_disk_makes_a_node_unusable_and_requeues_its_tasks(
    batch: BatchClient, aztk_local: LocalStack, two_nodes: str
) -> None:
    batch.create_task(two_nodes, m.BatchTaskCreateOptions(id="t", command_line="sleep 600"))
    running = eventually(lambda: (task := batch.get_task(two_nodes, "t")).state == "running" and task)
    full = running.node_info.node_id
    aztk_local.admin.disk_full(two_nodes, full)
    node = batch.get_node(two_nodes, full)
    assert (node.state, [error.code for error in node.errors]) == ("unusable", ["DiskFull"])
    again = eventually(lambda: (task := batch.get_task(two_nodes, "t")).state == "running" and task)
    assert again.node_info.node_id != full
    with pytest.raises(AdminError, match="NodeNotReady"):
        aztk_local.admin.disk_full(two_nodes, full)


@pytest.mark.wire("guessed")
@pytest.mark.parametrize(("options", "state"), [("--network host --rm", "idle"), ("--network host", "unusable")])
def test_containers_that_are_not_removed_fill_the_disk(
    batch: BatchClient, aztk_local: LocalStack, name: str, options: str, state: str
) -> None:
    aztk_local.admin.disk_holds(1, pool=name)
    batch.create_pool(pool_options(name, containers=True, target_dedicated_nodes=1))
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=m.BatchPoolInfo(pool_id=name)))
    settings = m.BatchTaskContainerSettings(image_name="spark", container_run_options=options)
    for task_id in ("one", "two"):
        batch.create_task(name, sleeper(task_id, container_settings=settings))
        finished(batch, name, task_id)
    eventually(lambda: [node.state.value for node in batch.list_nodes(name)] == [state])
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)


def test_what_nodes_bring_into_the_environment(batch: BatchClient, aztk_local: LocalStack, job: str) -> None:
    aztk_local.admin.node_environment(pool=job, remove=["HOME", "SPARK_LOCAL_IP"], values={"MORE": "yes"})
    line = "/bin/sh -c 'echo ${HOME-unset} ${SPARK_LOCAL_IP-unset} $MORE'"
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line=line))
    finished(batch, job, "t")
    assert read_file(batch, job, "t") == "unset unset yes\n"


@pytest.mark.parametrize(
    ("method", "path", "order"),
    [
        ("PUT", "/switches", {"unheard_of": True}),
        ("PUT", "/switches", {"retries_move": 1}),
        ("POST", "/surviving-pools", {"job": 1}),
        ("POST", "/missing-pools", {"count": "1"}),
        ("POST", "/node-environments", {"remove": "HOME"}),
        ("POST", "/node-environments", {"values": {"A": 1}}),
        ("POST", "/small-disks", {"containers": True}),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    aztk_local: LocalStack, method: str, path: str, order: dict[str, object]
) -> None:
    assert raw(aztk_local, method, f"/_admin{path}", order).json["code"] == "InvalidPropertyValue"
