"""Which task runs when and where."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m
from azure.core.exceptions import HttpResponseError

from tests.local.support import delete_quietly, eventually, finished, pool_options, ready_nodes, sleeper

if TYPE_CHECKING:
    from azure.batch import BatchClient

pytestmark = pytest.mark.wire("documented")


def job_on(batch: BatchClient, pool_id: str, job_id: str, **options: object) -> str:
    """Make a job on a pool."""
    batch.create_job(m.BatchJobCreateOptions(id=job_id, pool_info=m.BatchPoolInfo(pool_id=pool_id), **options))
    return job_id


def states(batch: BatchClient, job_id: str) -> Counter[str]:
    """Count the tasks of a job by state."""
    return Counter(task.state.value for task in batch.list_tasks(job_id, select=["id", "state"]))


@pytest.mark.parametrize(("fill", "expected"), [("spread", [2, 2]), ("pack", [4])])
def test_nodes_are_filled_evenly_or_one_after_the_other(
    batch: BatchClient, name: str, fill: str, expected: list[int]
) -> None:
    policy = m.BatchTaskSchedulingPolicy(node_fill_type=fill)
    batch.create_pool(
        pool_options(name, target_dedicated_nodes=2, task_slots_per_node=4, task_scheduling_policy=policy)
    )
    ready_nodes(batch, name, 2)
    job_on(batch, name, name)
    batch.create_tasks(name, [sleeper(f"t{n}", 60) for n in range(4)])
    eventually(lambda: states(batch, name) == {"running": 4})
    used = Counter(task.node_info.node_id for task in batch.list_tasks(name))
    assert sorted(used.values()) == expected
    counts = [node.running_tasks_count for node in batch.list_nodes(name)]
    assert sorted(filter(None, counts)) == expected
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)


def test_tasks_of_more_than_half_the_slots_never_share_a_node(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, target_dedicated_nodes=2, task_slots_per_node=8))
    job_on(batch, name, name)
    batch.create_tasks(name, [sleeper(f"d{n}", 60, required_slots=5) for n in range(3)])
    batch.create_tasks(name, [sleeper(f"s{n}", 60) for n in range(8)])
    # 2 daemons and 3 small tasks on each node: one daemon and two small ones wait.
    eventually(lambda: states(batch, name) == {"running": 8, "active": 3})
    daemons = [t for t in batch.list_tasks(name) if t.required_slots == 5 and t.state == "running"]
    assert len({t.node_info.node_id for t in daemons}) == 2
    assert [node.running_task_slots_count for node in batch.list_nodes(name)] == [8, 8]
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)


def test_more_slots_than_a_node_has_are_refused(batch: BatchClient, job: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        batch.create_task(job, sleeper("t", required_slots=5))
    assert (caught.value.status_code, caught.value.error.code) == (400, "InvalidPropertyValue")


def test_affinity_is_a_hint(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, target_dedicated_nodes=3, task_slots_per_node=2))
    wished = ready_nodes(batch, name, 3)[1]
    job_on(batch, name, name)
    hint = m.BatchAffinityInfo(affinity_id=wished.affinity_id)
    for number in range(3):
        batch.create_task(name, sleeper(f"t{number}", 60, affinity_info=hint))
    eventually(lambda: states(batch, name) == {"running": 3})
    used = [batch.get_task(name, f"t{n}").node_info.node_id for n in range(3)]
    assert used[:2] == [wished.id, wished.id]
    assert used[2] != wished.id
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)


def test_a_job_of_higher_priority_goes_first(batch: BatchClient, pool: str) -> None:
    low = job_on(batch, pool, f"{pool}-low", priority=-5)
    high = job_on(batch, pool, f"{pool}-high", priority=5)
    batch.create_task(low, sleeper("blocker", 60, required_slots=4))
    eventually(lambda: states(batch, low) == {"running": 1})
    batch.create_task(low, sleeper("t", 0, required_slots=4))
    batch.create_task(high, sleeper("t", 0, required_slots=4))
    batch.terminate_task(low, "blocker")
    assert finished(batch, high, "t").execution_info.end_time <= finished(batch, low, "t").execution_info.start_time
    for job_id in (low, high):
        delete_quietly(batch.begin_delete_job, job_id)


def test_tasks_of_one_job_start_in_the_order_of_their_coming(batch: BatchClient, job: str) -> None:
    batch.create_tasks(job, [sleeper(f"t{n:02}", 0.01, required_slots=4) for n in range(20)][::-1])
    eventually(lambda: states(batch, job) == {"completed": 20})
    tasks = list(batch.list_tasks(job))
    by_start = sorted(tasks, key=lambda task: task.execution_info.start_time)
    by_creation = sorted(tasks, key=lambda task: task.creation_time)
    assert [task.id for task in by_start] == [task.id for task in by_creation]


def test_max_parallel_tasks(batch: BatchClient, pool: str) -> None:
    job_on(batch, pool, pool, max_parallel_tasks=2)
    batch.create_tasks(pool, [sleeper(f"t{n}", 60) for n in range(4)])
    eventually(lambda: states(batch, pool) == {"running": 2, "active": 2})
    batch.begin_delete_job(pool)


def test_tasks_wait_for_a_pool_that_comes_later(batch: BatchClient, name: str) -> None:
    job_on(batch, name, name)
    batch.create_task(name, sleeper("t"))
    batch.create_pool(pool_options(name, target_dedicated_nodes=1))
    finished(batch, name, "t")
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)


def test_a_deleted_pool_gives_its_tasks_back(batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t", 60))
    eventually(lambda: states(batch, job) == {"running": 1})
    batch.begin_delete_pool(job, polling_interval=0.05).result()
    assert states(batch, job) == {"active": 1}


def test_a_disabled_job_moves_to_another_pool(batch: BatchClient, job: str, name: str) -> None:
    other = m.BatchPoolInfo(pool_id=f"{name}-2")
    batch.create_pool(pool_options(other.pool_id, target_dedicated_nodes=1))
    with pytest.raises(HttpResponseError):
        batch.update_job(job, m.BatchJobUpdateOptions(pool_info=other))
    batch.begin_disable_job(job, m.BatchJobDisableOptions(disable_tasks="requeue"), polling_interval=0.05).result()
    batch.create_task(job, sleeper("t"))
    batch.update_job(job, m.BatchJobUpdateOptions(pool_info=other))
    batch.begin_enable_job(job, polling_interval=0.05).result()
    assert finished(batch, job, "t").node_info.pool_id == other.pool_id
    batch.begin_delete_pool(other.pool_id)


def test_retries_count_only_failing_exit_codes(batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t", 0, 3, constraints=m.BatchTaskConstraints(max_task_retry_count=2)))
    info = finished(batch, job, "t").execution_info
    assert (info.retry_count, info.exit_code) == (2, 3)
    assert info.last_retry_time == info.start_time
    never = m.BatchTaskCreateOptions(
        id="never", command_line="no-such-program", constraints=m.BatchTaskConstraints(max_task_retry_count=2)
    )
    batch.create_task(job, never)
    assert finished(batch, job, "never").execution_info.retry_count == 0


def test_a_job_gives_its_retries_to_its_tasks(batch: BatchClient, pool: str) -> None:
    job_on(batch, pool, pool, constraints=m.BatchJobConstraints(max_task_retry_count=1))
    batch.create_task(pool, sleeper("t", 0, 3))
    assert finished(batch, pool, "t").execution_info.retry_count == 1
    batch.begin_delete_job(pool)


def test_a_task_has_only_its_time(batch: BatchClient, job: str) -> None:
    limit = m.BatchTaskConstraints(max_wall_clock_time="PT0.3S")
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line="sleep 600", constraints=limit))
    info = finished(batch, job, "t").execution_info
    assert info.result == "failure"
    assert 0.25 < (info.end_time - info.start_time).total_seconds() < 300


def test_files_go_when_the_retention_time_is_over(batch: BatchClient, job: str) -> None:
    limit = m.BatchTaskConstraints(retention_time="PT0.2S")
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line="true", constraints=limit))
    finished(batch, job, "t")

    def gone() -> bool:
        try:
            list(batch.list_task_files(job, "t"))
        except HttpResponseError as error:
            return bool(error.error and error.error.code == "TaskFilesCleanedup")
        return False

    eventually(gone)


def test_nodes_that_do_nothing_leave_first(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, target_dedicated_nodes=3))
    busy = ready_nodes(batch, name, 3)[2]
    job_on(batch, name, name)
    batch.create_task(name, sleeper("t", 60, affinity_info=m.BatchAffinityInfo(affinity_id=busy.affinity_id)))
    eventually(lambda: states(batch, name) == {"running": 1})
    batch.begin_resize_pool(name, m.BatchPoolResizeOptions(target_dedicated_nodes=1), polling_interval=0.05).result()
    assert [node.id for node in batch.list_nodes(name)] == [busy.id]
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "state", "requeues"),
    [("requeue", "active", 1), ("terminate", "completed", 0), ("taskcompletion", "completed", 0)],
)
def test_what_becomes_of_tasks_when_their_node_is_removed(
    batch: BatchClient, job: str, option: str, state: str, requeues: int
) -> None:
    batch.create_task(job, sleeper("t", 3 if option == "taskcompletion" else 60))
    eventually(lambda: states(batch, job) == {"running": 1})
    (node,) = batch.list_nodes(job)
    remove = m.BatchNodeRemoveOptions(node_ids=[node.id], node_deallocation_option=option)
    batch.begin_remove_nodes(job, remove, polling_interval=0.05).result()
    task = batch.get_task(job, "t")
    assert (task.state, task.execution_info.requeue_count) == (state, requeues)
    if option == "taskcompletion":
        assert task.execution_info.result == "success"
    if option == "terminate":
        assert task.execution_info.failure_info.code == "TaskEnded"
