"""What the client tells of workers, and which numbers of them it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aztk.client import _batch_responses, _uploads, _workers, errors, models
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.node import contract

JOB = {
    "id": "c",
    "state": "active",
    "metadata": [{"name": "aztk_nodes", "value": "3"}, {"name": "aztk_workers", "value": "2"}],
    "jobManagerTask": {"allowLowPriorityNode": False},
}
POOL = {"id": "p", "state": "active", "allocationState": "steady"}
NODES = [{"id": "n1", "state": "running"}, {"id": "n2", "state": "running"}]
FAILED = contract.FailedWorker("aztk-worker-001", "n2", "it ended", ["why"])


def where(**fields: Any) -> contract.Master:
    """Return what the master says: it is ready, with one of two workers."""
    return contract.Master("2026-11-22T10:00:00Z", 1, "n1", "h", 1, 2, **{"workers": 1, "target_workers": 2, **fields})


def task(id: str, **info: Any) -> dict[str, Any]:
    """Write a task that has ended."""
    return {"id": id, "state": "completed", "executionInfo": info, "nodeInfo": {"nodeId": "n2"}}


def test_the_master_tells_of_its_workers() -> None:
    found = _batch_responses.cluster(JOB, POOL, NODES, where(failed_workers=[FAILED]))
    assert (found.state, found.workers, found.target_workers) == (ClusterState.READY, 1, 2)
    assert found.failed_workers == (
        models.FailedWorker(task_id="aztk-worker-001", node_id="n2", message="it ended", last_lines=("why",)),
    )
    assert str(found.failed_workers[0]) == "aztk-worker-001 on node n2: it ended\n    why"


def test_before_there_is_a_master_the_definition_tells_how_many_there_shall_be() -> None:
    found = _batch_responses.cluster(JOB, POOL, NODES, None)
    assert (found.state, found.workers, found.target_workers) == (ClusterState.CREATING, 0, 2)


def test_a_cluster_that_waits_for_workers_is_not_ready() -> None:
    assert _batch_responses.cluster(JOB, POOL, NODES, where(waiting_for_workers=True)).state is ClusterState.CREATING


def test_what_never_ran_our_code_is_reported_by_batch() -> None:
    image = {"category": "usererror", "code": "ContainerInvalidImage", "message": "no such image"}
    tasks = [
        task("aztk-worker-001", exitCode=1),
        task("aztk-worker-002", failureInfo=image),
        task("aztk-worker-003", failureInfo={"code": "TaskEnded"}),
        task("aztk-gate", exitCode=1),
        task("app", exitCode=1),
    ]
    nodes = [*NODES, {"id": "n3", "state": "starttaskfailed", "errors": [{"code": "E", "message": "no disk"}]}]
    found = _batch_responses.cluster(
        JOB, POOL, nodes, where(failed_workers=[FAILED]), worker_tasks=tasks
    ).failed_workers
    assert [worker.task_id for worker in found] == ["aztk-worker-001", "aztk-worker-002", None]
    assert found[0].last_lines == ("why",)
    assert "no such image" in found[1].message
    assert (found[2].node_id, "no disk" in found[2].message) == ("n3", True)


@pytest.mark.parametrize(
    ("master", "asked"),
    [
        (None, False),
        (where(workers=2), False),
        (where(workers=1), True),
        (where(workers=1, failed_workers=[FAILED]), False),
        (contract.Master("2026-11-22T10:00:00Z", 1, "n1", "h", 1, 2), False),
    ],
)
def test_tasks_are_asked_for_only_where_workers_are_missing(master: contract.Master | None, asked: bool) -> None:
    assert _workers.are_missing(master) is asked


def test_too_few_workers_is_a_failure_of_its_own() -> None:
    ended = {**JOB, "state": "completed", "executionInfo": {"terminateReason": codes.MASTER_ENDED}}
    master = {**task(contract.MASTER_TASK_ID, exitCode=contract.EXIT_TOO_FEW_WORKERS)}
    found = _batch_responses.cluster(ended, None, [], where(failed_workers=[FAILED]), master, b"only 1 of 2\n")
    assert (found.state, found.failure and found.failure.code) == (ClusterState.FAILED, "TooFewWorkers")
    assert "only 1 of 2" in str(found.failure)
    assert (found.workers, len(found.failed_workers)) == (0, 1)
    job = _batch_responses.aztk_job(ended, [master, {"id": "app", "state": "active"}], b"only 1 of 2\n")
    assert (job.outcome, job.failure and job.failure.code) == (models.Outcome.FAILED, "TooFewWorkers")


@pytest.mark.parametrize(
    ("fields", "fix"),
    [
        ({"vm_count": 2, "min_workers": 3}, "at most 2"),
        ({"vm_count": 2, "min_workers": 2, "worker_on_master": False}, "at most 1"),
        ({"vm_count": 2, "min_workers": 0}, "min_workers"),
        ({"vm_count": 2, "min_workers": "two"}, "min_workers"),
        ({"vm_low_pri_count": 1, "min_workers": True}, "min_workers"),
    ],
)
def test_min_workers_that_cannot_be_is_refused(fields: dict[str, Any], fix: str) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match=fix):
        models.ClusterConfiguration(cluster_id="c", **fields)


def test_min_workers_reaches_the_jobs_cluster(tmp_path: Any) -> None:
    program = tmp_path / "a.py"
    program.write_text("")
    app = models.ApplicationConfiguration(name="a", application=str(program))
    job = models.JobConfiguration(id="j", applications=[app], max_dedicated_nodes=3, min_workers=3)
    assert job.cluster().min_workers == 3
    with pytest.raises(errors.InvalidConfigurationError, match="at most 3"):
        models.JobConfiguration(id="j", applications=[app], max_dedicated_nodes=3, min_workers=4)


def test_a_spark_env_that_cannot_be_used_is_refused_before_anything_is_made(tmp_path: Any) -> None:
    script = tmp_path / "spark-env.sh"
    script.write_text("export SPARK_MASTER_HOST=10.0.0.4\nSPARK_WORKER_MEMORY=600\nSPARK_LOCAL_IP=$(hostname -i)\n")
    with pytest.raises(errors.InvalidConfigurationError) as caught:
        models.SparkConfiguration(spark_env_sh=str(script))
    text = str(caught.value)
    assert ("SPARK_MASTER_HOST" in text, "SPARK_WORKER_MEMORY" in text, "SPARK_LOCAL_IP" in text) == (True, True, False)
    script.write_text("SPARK_WORKER_CORES=1\nSPARK_WORKER_MEMORY=600m\nSPARK_DAEMON_MEMORY=1g\n")
    assert models.SparkConfiguration(spark_env_sh=str(script)).spark_env_sh == str(script)


@pytest.mark.parametrize(("given", "seconds"), [({}, 300.0), ({"executor_timeout": "20m"}, 1200.0)])
def test_the_node_is_given_how_long_to_wait(tmp_path: Any, given: dict[str, Any], seconds: float) -> None:
    program = tmp_path / "a.py"
    program.write_text("")
    app = models.ApplicationConfiguration(name="a", application=str(program), **given)
    document = json.loads(_uploads.application_upload(app).documents[contract.ApplicationBlobs("a").definition])
    assert document["executor_timeout_seconds"] == seconds


@pytest.mark.parametrize(("given", "count"), [(None, None), (2, 2)])
def test_the_node_is_given_how_many_workers_are_needed(given: int | None, count: int | None) -> None:
    conf = models.ClusterConfiguration(cluster_id="c", vm_count=2, min_workers=given)
    upload = _uploads.cluster_upload(conf, "cluster")
    assert json.loads(upload.documents[contract.ClusterBlobs.DEFINITION])["min_workers"] == count
