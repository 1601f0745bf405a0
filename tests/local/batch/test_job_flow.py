"""Dependencies, exit conditions, and how jobs end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m
from azure.batch.models import _models
from azure.core.exceptions import HttpResponseError

from tests.local.support import auto_pool, delete_quietly, eventually, finished, ready_nodes, sleeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.batch import BatchClient

pytestmark = pytest.mark.wire("documented")

MakeJob = "Callable[..., str]"


@pytest.fixture
def make_job(batch: BatchClient, pool: str) -> Iterator[Callable[..., str]]:
    """Make jobs on a pool, and delete them."""
    made: list[str] = []

    def make(**options: object) -> str:
        job_id = f"{pool}-{len(made)}"
        batch.create_job(m.BatchJobCreateOptions(id=job_id, pool_info=m.BatchPoolInfo(pool_id=pool), **options))
        made.append(job_id)
        return job_id

    yield make
    for job_id in made:
        delete_quietly(batch.begin_delete_job, job_id)


def after(*ids: str, **options: object) -> m.BatchTaskDependencies:
    """Depend on tasks."""
    return m.BatchTaskDependencies(task_ids=list(ids), **options)


def ended(batch: BatchClient, job_id: str) -> m.BatchJob:
    """Wait for the end of a job."""

    def completed() -> m.BatchJob | None:
        job = batch.get_job(job_id)
        return job if job.state == "completed" else None

    return eventually(completed)


def test_a_diamond_runs_in_order(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(uses_task_dependencies=True)
    batch.create_tasks(
        job,
        [
            sleeper("end", depends_on=after("left", "RIGHT")),
            sleeper("left", 0.05, depends_on=after("start")),
            sleeper("right", 0.02, depends_on=after("start")),
        ],
    )
    assert {task.state for task in batch.list_tasks(job)} == {"active"}
    batch.create_task(job, sleeper("start"))
    last = finished(batch, job, "end").execution_info.start_time
    assert last >= max(finished(batch, job, side).execution_info.end_time for side in ("left", "right"))


def test_ranges_of_ids(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(uses_task_dependencies=True)
    batch.create_task(job, sleeper("2"))
    finished(batch, job, "2")
    ranges = m.BatchTaskDependencies(task_id_ranges=[m.BatchTaskIdRange(start=1, end=3)])
    batch.create_task(job, sleeper("t", depends_on=ranges))
    batch.create_tasks(job, [sleeper("1"), sleeper("03")])
    finished(batch, job, "03")
    assert batch.get_task(job, "t").state == "active"
    batch.create_task(job, sleeper("3"))
    finished(batch, job, "t")


def test_a_failed_task_blocks_unless_it_says_otherwise(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(uses_task_dependencies=True)
    satisfy = m.ExitConditions(default=m.ExitOptions(dependency_action="satisfy"))
    block = m.ExitConditions(
        exit_codes=[m.ExitCodeMapping(code=0, exit_options=m.ExitOptions(dependency_action="block"))]
    )
    by_range = m.ExitConditions(
        exit_code_ranges=[
            m.ExitCodeRangeMapping(start=5, end=9, exit_options=m.ExitOptions(dependency_action="satisfy"))
        ]
    )
    batch.create_tasks(
        job,
        [
            sleeper("fails", 0, 1),
            sleeper("may-fail", 0, 1, exit_conditions=satisfy),
            sleeper("blocks", 0, 0, exit_conditions=block),
            sleeper("in-range", 0, 9, exit_conditions=by_range),
            sleeper("out-of-range", 0, 10, exit_conditions=by_range),
        ],
    )
    causes = ["fails", "may-fail", "blocks", "in-range", "out-of-range"]
    batch.create_tasks(job, [sleeper(f"after-{cause}", depends_on=after(cause)) for cause in causes])
    for cause in causes:
        finished(batch, job, cause)
    finished(batch, job, "after-may-fail")
    finished(batch, job, "after-in-range")
    for cause in ("fails", "blocks", "out-of-range"):
        assert batch.get_task(job, f"after-{cause}").state == "active"


def test_a_task_that_could_not_start_has_its_own_condition(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(uses_task_dependencies=True)
    conditions = m.ExitConditions(pre_processing_error=m.ExitOptions(dependency_action="satisfy"))
    batch.create_task(job, m.BatchTaskCreateOptions(id="a", command_line="nothing-here", exit_conditions=conditions))
    batch.create_task(job, sleeper("b", depends_on=after("a")))
    finished(batch, job, "b")


def test_a_deleted_task_does_not_run_when_what_it_waited_for_ends(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(uses_task_dependencies=True, task_failure_mode="performexitoptionsjobaction")
    ends_the_job = m.ExitConditions(default=m.ExitOptions(job_action="terminate"))
    batch.create_task(job, sleeper("a", 0.5))
    batch.create_task(job, sleeper("b", 0, 1, depends_on=after("a"), exit_conditions=ends_the_job))
    batch.delete_task(job, "b")
    finished(batch, job, "a")
    batch.create_task(job, sleeper("c", 0.5, depends_on=after("a")))
    finished(batch, job, "c")
    assert batch.get_job(job).state == "active"


def test_dependencies_must_be_switched_on(batch: BatchClient, make_job: MakeJob) -> None:
    with pytest.raises(HttpResponseError) as caught:
        batch.create_task(make_job(), sleeper("t", depends_on=after("a")))
    assert (caught.value.status_code, caught.value.error.code) == (400, "TaskDependenciesNotSpecifiedOnJob")


def test_too_many_dependencies_are_refused(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(uses_task_dependencies=True)
    with pytest.raises(HttpResponseError) as caught:
        batch.create_task(job, sleeper("t", depends_on=after(*(f"{n:064}" for n in range(1001)))))
    assert caught.value.error.code == "TaskDependencyListTooLong"


def test_job_actions_need_a_job_that_reacts(batch: BatchClient, make_job: MakeJob) -> None:
    conditions = m.ExitConditions(default=m.ExitOptions(job_action="none"))
    with pytest.raises(HttpResponseError) as caught:
        batch.create_task(make_job(), sleeper("t", exit_conditions=conditions))
    assert (caught.value.status_code, caught.value.error.code) == (400, "InvalidPropertyValue")


def test_a_failing_task_terminates_a_job_that_reacts(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(task_failure_mode="performexitoptionsjobaction")
    batch.create_task(job, sleeper("long", 60, required_slots=2))
    eventually(lambda: batch.get_task(job, "long").state == "running")
    batch.create_task(job, sleeper("waits", 60, required_slots=4))
    batch.create_task(job, sleeper("fails", 0, 1))
    over = ended(batch, job)
    assert over.execution_info.termination_reason == "TaskFailed"
    assert over.execution_info.end_time
    assert batch.get_task(job, "long").execution_info.failure_info.code == "TaskEnded"
    assert batch.get_task(job, "waits").state == "active"  # what never ran stays as it was


@pytest.mark.parametrize(("action", "state"), [("none", "active"), ("disable", "disabled"), ("terminate", "completed")])
def test_job_actions(batch: BatchClient, make_job: MakeJob, action: str, state: str) -> None:
    job = make_job(task_failure_mode="performexitoptionsjobaction")
    conditions = m.ExitConditions(default=m.ExitOptions(job_action=action))
    batch.create_task(job, sleeper("fails", 0, 1, exit_conditions=conditions))
    finished(batch, job, "fails")
    eventually(lambda: batch.get_job(job).state == state)


def test_all_tasks_complete_terminates(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job()
    batch.create_task(job, sleeper("t", 0.1))
    batch.update_job(job, m.BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))
    assert ended(batch, job).execution_info.termination_reason == "AllTasksComplete"
    empty = make_job(all_tasks_complete_mode="terminatejob")
    assert ended(batch, empty).execution_info.termination_reason == "AllTasksComplete"


def test_terminatejob_cannot_be_taken_back(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job()
    batch.create_task(job, sleeper("t", 60))
    batch.update_job(job, m.BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))
    with pytest.raises(HttpResponseError) as caught:
        batch.update_job(job, m.BatchJobUpdateOptions(all_tasks_complete_mode="noaction"))
    assert caught.value.status_code == 400


def test_a_job_has_only_its_time(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(constraints=m.BatchJobConstraints(max_wall_clock_time="PT2S"))
    batch.create_task(job, sleeper("t", 60))
    assert ended(batch, job).execution_info.termination_reason == "MaxWallClockTimeExpiry"
    assert batch.get_task(job, "t").state == "completed"


@pytest.mark.parametrize(("keep", "left"), [(False, 0), (True, 1)])
def test_an_auto_pool_goes_with_its_job_unless_it_is_kept(batch: BatchClient, name: str, keep: bool, left: int) -> None:
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=auto_pool(keep_alive=keep, target_dedicated_nodes=1)))
    job = batch.get_job(name)
    pool_id = job.execution_info.pool_id
    assert job.pool_info.pool_id is None
    assert job.pool_info.auto_pool_specification.keep_alive is keep
    assert job.pool_info.auto_pool_specification.pool.task_slots_per_node == 1
    ready_nodes(batch, pool_id, 1)
    # Without options azure-batch 15.1 fails by itself.
    batch.begin_terminate_job(name, _models.BatchJobTerminateOptions(termination_reason="enough"))
    ended(batch, name)
    eventually(lambda: sum(pool.id == pool_id for pool in batch.list_pools()) == left)
    batch.begin_delete_job(name)
    delete_quietly(batch.begin_delete_pool, pool_id)


def manager(**options: object) -> m.BatchJobManagerTask:
    """Describe a simulated job manager."""
    seconds = options.pop("seconds", 60)
    exit_code = options.pop("exit_code", 0)
    base = sleeper("manager", seconds, exit_code)  # type: ignore[arg-type]
    return m.BatchJobManagerTask(
        id="manager", command_line="-", environment_settings=base.environment_settings, **options
    )


def test_the_end_of_the_manager_is_the_end_of_the_job(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(job_manager_task=manager(seconds=2, run_exclusive=False))
    batch.create_task(job, sleeper("t", 60))
    eventually(lambda: batch.get_task(job, "t").state == "running")
    assert ended(batch, job).execution_info.termination_reason == "JMComplete"
    assert batch.get_task(job, "t").execution_info.failure_info.code == "TaskEnded"


def test_a_manager_that_kills_nothing(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(job_manager_task=manager(seconds=0, kill_job_on_completion=False))
    finished(batch, job, "manager")
    assert batch.get_job(job).state == "active"


def test_a_manager_is_retried_before_the_job_ends(batch: BatchClient, make_job: MakeJob) -> None:
    retries = m.BatchTaskConstraints(max_task_retry_count=2)
    job = make_job(job_manager_task=manager(seconds=0, exit_code=1, constraints=retries))
    assert ended(batch, job).execution_info.termination_reason == "JMComplete"
    assert batch.get_task(job, "manager").execution_info.retry_count == 2


def test_a_manager_has_its_node_for_itself_unless_it_says_otherwise(batch: BatchClient, make_job: MakeJob) -> None:
    job = make_job(job_manager_task=manager())
    eventually(lambda: batch.get_task(job, "manager").state == "running")
    other = make_job()
    batch.create_task(other, sleeper("t"))
    batch.create_task(job, sleeper("t"))
    assert {batch.get_task(job, "t").state, batch.get_task(other, "t").state} == {"active"}
    batch.terminate_task(job, "manager")
    finished(batch, other, "t")


def test_a_manager_is_scheduled_before_the_tasks_of_its_job(batch: BatchClient, name: str) -> None:
    info = auto_pool(target_dedicated_nodes=1, task_slots_per_node=8)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=info, job_manager_task=manager(required_slots=5)))
    batch.create_tasks(name, [sleeper(f"t{n}", 60) for n in range(8)])
    eventually(lambda: batch.get_task(name, "manager").state == "running")
    batch.begin_delete_job(name)


def test_a_manager_keeps_off_low_priority_nodes_when_told(batch: BatchClient, name: str) -> None:
    info = auto_pool(target_low_priority_nodes=1)
    batch.create_job(
        m.BatchJobCreateOptions(id=name, pool_info=info, job_manager_task=manager(allow_low_priority_node=False))
    )
    pool_id = batch.get_job(name).execution_info.pool_id
    ready_nodes(batch, pool_id, 1)
    assert batch.get_task(name, "manager").state == "active"
    batch.begin_resize_pool(
        pool_id, m.BatchPoolResizeOptions(target_dedicated_nodes=1, target_low_priority_nodes=1), polling_interval=0.05
    ).result()
    eventually(lambda: batch.get_task(name, "manager").state == "running")
    node = batch.get_node(pool_id, batch.get_task(name, "manager").node_info.node_id)
    assert node.is_dedicated
    batch.begin_delete_job(name)


def test_deleting_a_job_deletes_tasks_files_and_pool(batch: BatchClient, name: str) -> None:
    from pathlib import Path

    info = auto_pool(target_dedicated_nodes=1)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=info))
    command = "/bin/sh -c 'pwd; sleep 600'"
    batch.create_task(name, m.BatchTaskCreateOptions(id="t", command_line=command))
    eventually(lambda: batch.get_task(name, "t").state == "running")
    where = Path(eventually(lambda: b"".join(batch.download_task_file(name, "t", "stdout.txt")).decode().strip()))
    assert where.is_dir()
    pool_id = batch.get_job(name).execution_info.pool_id
    batch.begin_delete_job(name, polling_interval=0.05).result()
    eventually(lambda: not batch_has_pool(batch, pool_id))
    assert not where.exists()


def batch_has_pool(batch: BatchClient, pool_id: str) -> bool:
    """Return success if there is a pool."""
    return pool_id in [pool.id for pool in batch.list_pools(select=["id"])]
