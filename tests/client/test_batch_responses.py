"""What Azure Batch answers, read into models: states, outcomes, and what ends a wait."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.client import _batch_responses, _failures
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client.models import ApplicationState, ClusterState, JobState, Outcome
from airflow_provider_aztk.node import contract

MASTER = contract.Master("2026-11-22T10:00:00Z", 1, "n1", "10.0.0.4", 7077, 8080)


def task(state: str = "completed", id: str = "app", **info: object) -> dict[str, object]:
    return {"id": id, "state": state, "stateTransitionTime": "2026-11-22T10:00:00.1234567Z", "executionInfo": info}


def job(state: str = "active", on_spot: bool = False, **info: object) -> dict[str, object]:
    return {
        "id": "c",
        "state": state,
        "creationTime": "2026-11-22T10:00:00Z",
        "executionInfo": {"poolId": "P", **info},
        "jobManagerTask": {"allowLowPriorityNode": on_spot},
        "metadata": [{"name": "aztk_mode", "value": "cluster"}, {"name": "dag", "value": "etl"}],
    }


def pool(**fields: object) -> dict[str, object]:
    return {
        "id": "P",
        "state": "active",
        "allocationState": "steady",
        "vmSize": "v",
        "targetDedicatedNodes": 2,
        **fields,
    }


QUOTA = {"code": "AccountCoreQuotaReached", "message": "no cores left", "values": [{"name": "Limit", "value": "0"}]}


@pytest.mark.parametrize(
    ("info", "outcome"),
    [
        ({"exitCode": 0, "result": "success"}, Outcome.SUCCESS),
        ({"exitCode": 3, "failureInfo": {"category": "usererror", "code": "FailureExitCode"}}, Outcome.FAILED),
        ({"exitCode": contract.EXIT_STOPPED}, Outcome.STOPPED),
        ({"exitCode": contract.EXIT_MASTER_LOST}, Outcome.LOST),
        ({"failureInfo": {"category": "usererror", "code": "TaskEnded"}}, Outcome.STOPPED),
        ({"exitCode": -1073741510, "failureInfo": {"category": "servererror", "code": "TaskEnded"}}, Outcome.FAILED),
        ({"failureInfo": {"category": "servererror", "code": "ContainerInvalidImage"}}, Outcome.FAILED),
        ({}, Outcome.FAILED),
    ],
)
def test_how_an_application_ended(info: dict[str, object], outcome: Outcome) -> None:
    application = _batch_responses.application(task(**info))
    assert application.outcome is outcome
    assert (application.failure is None) == (outcome is Outcome.SUCCESS)


def test_exit_code_is_in_the_failure() -> None:
    assert "exit code 3" in str(_batch_responses.application(task(exitCode=3)).failure)


def test_a_running_application_has_no_outcome_and_an_unknown_state_is_kept() -> None:
    assert _batch_responses.application(task("running")).outcome is None
    strange = _batch_responses.application(task("dreaming")).state
    assert strange == "dreaming"
    assert isinstance(strange, ApplicationState)
    assert not strange.is_terminal


def test_a_cluster_is_ready_when_its_master_wrote_where_it_is() -> None:
    nodes = [{"id": "n1", "state": "running", "isDedicated": True}]
    assert _batch_responses.cluster(job(), pool(), nodes, None).state is ClusterState.CREATING
    cluster = _batch_responses.cluster(job(), pool(), nodes, MASTER)
    assert (cluster.state, cluster.spark_ui_url, cluster.metadata) == (
        ClusterState.READY,
        "http://10.0.0.4:8080",
        {"dag": "etl"},
    )


def test_quota_error_without_a_node_fails_the_cluster_with_batchs_words() -> None:
    cluster = _batch_responses.cluster(job(), pool(resizeErrors=[QUOTA]), [], None)
    assert cluster.state is ClusterState.FAILED
    assert cluster.failure is not None
    assert (cluster.failure.code, cluster.failure.values) == ("AccountCoreQuotaReached", {"Limit": "0"})


def test_what_does_not_fail_a_cluster() -> None:
    one_node = [{"id": "n1", "state": "idle", "isDedicated": True}]
    assert (
        _batch_responses.cluster(job(), pool(resizeErrors=[QUOTA]), one_node, None).failure is None
    )  # the master has its node
    still = pool(resizeErrors=[QUOTA], allocationState="resizing")
    assert _batch_responses.cluster(job(), still, [], None).failure is None
    stale = pool(resizeErrors=[QUOTA], allocationStateTransitionTime="2026-11-22T09:00:00Z")
    assert _batch_responses.cluster(job(), stale, [], None).failure is None


def test_a_master_that_avoids_spot_cannot_come_to_a_spot_node() -> None:
    spot = [{"id": "n1", "state": "idle", "isDedicated": False}]
    failing = pool(resizeErrors=[QUOTA])
    assert _batch_responses.cluster(job(on_spot=False), failing, spot, None).state is ClusterState.FAILED
    assert _batch_responses.cluster(job(on_spot=True), failing, spot, None).state is ClusterState.CREATING


def test_unusable_nodes_fail_the_cluster_with_the_nodes_error() -> None:
    error = {"code": "ContainerInvalidImage", "message": "no such image"}
    nodes = [{"id": "n1", "state": "unusable", "isDedicated": True, "errors": [error]}]
    failure = _batch_responses.cluster(job(), pool(), nodes, None).failure
    assert failure is not None
    assert failure.code == "ContainerInvalidImage"


def test_scheduling_error_and_ended_jobs() -> None:
    error = {"category": "usererror", "code": "AutoPoolCreationFailedWithQuotaReached", "message": "m"}
    failed = _batch_responses.cluster(job("completed", schedulingError=error), None, [], None)
    assert (failed.state, failed.failure and failed.failure.code) == (ClusterState.FAILED, error["code"])
    ended = _batch_responses.cluster(job("completed", terminateReason="MaxWallClockTimeExpiry"), None, [], MASTER)
    assert ended.state is ClusterState.ENDED
    assert "MaxWallClockTimeExpiry" in str(ended.failure)
    assert _batch_responses.cluster(job("deleting"), None, [], MASTER).state is ClusterState.DELETING


def test_job_outcome_is_told_by_its_applications() -> None:
    good, bad = task(id="good", exitCode=0), task(id="bad", exitCode=1)
    ours = task(id=contract.MASTER_TASK_ID, failureInfo={"code": "TaskEnded"})
    ended = job("completed", terminateReason="TerminateJob")
    assert _batch_responses.aztk_job(ended, [good, ours]).outcome is Outcome.SUCCESS
    assert _batch_responses.aztk_job(ended, [good, bad, ours]).outcome is Outcome.FAILED
    assert (
        _batch_responses.aztk_job(ended, [good, task(id="stopped", exitCode=contract.EXIT_STOPPED)]).outcome
        is Outcome.STOPPED
    )
    running = _batch_responses.aztk_job(job(), [good, task("active", id="later")])
    assert running.outcome is None
    assert running.applications["later"] is None
    assert running.state is JobState.ACTIVE
    assert set(running.applications) == {"good", "later"}


def test_a_job_whose_master_failed_says_what_it_said_last() -> None:
    ended = job("completed", terminateReason=codes.MASTER_ENDED)
    master = task(id=contract.MASTER_TASK_ID, exitCode=contract.EXIT_SCRIPT_FAILED)
    found = _batch_responses.aztk_job(ended, [master, task("active", id="app")], b"no such package\n")
    assert (found.outcome, found.failure and found.failure.code) == (Outcome.FAILED, "MasterFailed")
    assert str(found.failure).endswith("The last lines of its log:\n    no such package")
    cluster = _batch_responses.cluster(ended, None, [], None, master, b"no such package\n")
    assert (cluster.state, cluster.failure) == (ClusterState.FAILED, found.failure)
    assert "last lines" not in str(_batch_responses.aztk_job(ended, [master]).failure), "there may be no log"
    assert _batch_responses.aztk_job(ended, [master, task(exitCode=0)]).outcome is Outcome.SUCCESS, (
        "it was done by then"
    )


def test_what_a_master_said_is_cut_to_its_end() -> None:
    ended = job("completed", terminateReason=codes.MASTER_ENDED)
    master = task(id=contract.MASTER_TASK_ID, exitCode=contract.EXIT_NO_MASTER)
    text = "\n".join(["first", *["x" * 10_000] * 1000, "\u00e4 last"]).encode()
    failure = _batch_responses.cluster(ended, None, [], None, master, text + b"\xff").failure
    assert failure is not None
    assert "first" not in failure.message
    assert "\u00e4 last" in failure.message
    assert len(failure.message) < 20_000


def test_a_job_whose_time_was_over_says_so() -> None:
    ended = job("completed", terminateReason="MaxWallClockTimeExpiry")
    cut = task(id="app", failureInfo={"code": "TaskEnded"})
    found = _batch_responses.aztk_job(ended, [cut])
    assert (found.outcome, found.failure and found.failure.code) == (Outcome.FAILED, "MaxWallClockTimeExpiry")
    assert _batch_responses.aztk_job(ended, [task(exitCode=0)]).failure is None
    listed = _batch_responses.aztk_job(ended, None)
    assert (listed.outcome, listed.failure) == (None, None), "who lists jobs does not know their applications"


@pytest.mark.parametrize(
    ("state", "info", "code"),
    [
        ("completed", {"exitCode": contract.EXIT_NO_MASTER}, "MasterFailed"),
        ("completed", {"exitCode": 0}, "JobEnded"),
        ("completed", {"exitCode": 143, "failureInfo": {"code": "TaskEnded"}}, "JobEnded"),
        ("running", {}, "JobEnded"),
    ],
)
def test_while_a_job_ends_its_master_tells_more_than_batch(state: str, info: dict[str, object], code: str) -> None:
    master = task(state, id=contract.MASTER_TASK_ID, **info)
    assert _failures.may_be_ended_by_master(job("terminating"))
    failure = _batch_responses.cluster(job("terminating"), None, [], None, master).failure
    assert failure is not None
    assert failure.code == code
    assert not _failures.may_be_ended_by_master(job("terminating", terminateReason="Stopped on request"))
    assert not _failures.may_be_ended_by_master(job())


@pytest.mark.parametrize("log", [b"its creation was never finished: its tasks are missing\n", None])
def test_a_job_that_ended_itself_before_its_applications_were_done_says_why(log: bytes | None) -> None:
    ended = job("completed", terminateReason=codes.MASTER_ENDED)
    master = task(id=contract.MASTER_TASK_ID, exitCode=0)
    failure = _batch_responses.aztk_job(ended, [master, task("active")], log).failure
    assert failure is not None
    assert failure.code == "EndedItself"
    assert ("its creation was never finished" if log else "idle_timeout") in failure.message
    assert _batch_responses.aztk_job(ended, [master, task(exitCode=0)], log).failure is None, "they were done by then"


COMPLETE = ["aztk-master", "aztk-worker-001", "aztk-gate", "a", "b", "aztk-finish"]


@pytest.mark.parametrize("missing", [None, *COMPLETE[1:]])
def test_a_job_is_submitted_when_all_of_its_tasks_are_there(missing: str | None) -> None:
    counts = [{"name": "aztk_nodes", "value": "2"}, {"name": "aztk_applications", "value": "2"}]
    found = job("completed", terminateReason="TaskFailed")
    found["metadata"] = [*found["metadata"], *counts]  # type: ignore[misc]
    there = [task(id=id, exitCode=0) for id in COMPLETE if id != missing]
    read = _batch_responses.aztk_job(found, there)
    assert read.is_submitted is (missing is None)
    assert (read.outcome is Outcome.SUCCESS) is (missing is None), "half of a job is no job that succeeded"
    assert (read.failure is None) is (missing is None)
    assert _batch_responses.aztk_job(found, None).is_submitted, "who lists jobs does not ask for tasks"
    assert not _batch_responses.aztk_job(found, []).is_submitted, (
        "Batch adds even the master's task some time after the job"
    )


@pytest.mark.parametrize("code", ["BlobAccessDenied", "ResourceContainerAccessDenied"])
def test_a_node_that_may_not_read_the_container_says_why_that_can_be(code: str) -> None:
    failure = _failures.failure_of({"code": code, "message": "Access for one of the specified Azure Blob(s) is denied"})
    assert failure is not None
    assert all(word in failure.message for word in ("is denied", "SAS policy", "sas_lifetime", "firewall", "renewed"))


@pytest.mark.parametrize(("dedicated", "failed"), [(1, True), (0, False)])
def test_a_job_that_was_listed_has_no_manager_and_says_by_its_pool_where_the_master_runs(
    dedicated: int, failed: bool
) -> None:
    spec = {"autoPoolSpecification": {"pool": {"targetDedicatedNodes": dedicated, "targetLowPriorityNodes": 1}}}
    listed = {name: value for name, value in job().items() if name != "jobManagerTask"}
    nodes = [{"id": "n", "state": "idle", "isDedicated": False}]
    found = _failures.pool_failure({**listed, "poolInfo": spec}, pool(resizeErrors=[QUOTA]), nodes)
    assert (found is not None) is failed
