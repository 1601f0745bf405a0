"""What ends a wait for AZTK jobs."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import JobState, Outcome
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from tests.support.fake_wait import (
    MasterLogClient,
    application,
    make_trigger,
    real_snapshot,
    snapshot,
    wait,
)

NO_CORES = models.Failure(code="AccountCoreQuotaReached", message="no cores", values={"Limit": "0"})


def test_a_terminating_job_does_not_end_the_wait_before_its_failure_is_known() -> None:
    ending, ended = (
        real_snapshot(MasterLogClient(), state, "JMComplete", exitCode=224) for state in ("terminating", "completed")
    )
    assert ending.job is not None
    assert (ending.job.outcome, ending.job.failure) == (None, None)
    event = wait(make_trigger(AztkJobTrigger), ending, ended)
    assert (event["status"], event["result"]["cluster_failure_code"]) == ("failed", "MasterFailed")
    assert "no such package" in str(event["message"])


def test_a_job_that_gets_no_nodes_ends_the_wait() -> None:
    event = wait(make_trigger(AztkJobTrigger), snapshot(), snapshot(failure=NO_CORES))
    assert (event["status"], event["code"]) == ("failed", "AccountCoreQuotaReached")
    assert "job x cannot run: " in str(event["message"])
    assert event["result"] == {"applications": [], "jobs": [{"job_id": "x", "outcome": None}],
                               "log_offsets": {}, "secret_refs": ["lake:password"]}  # fmt: skip


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.SUCCESS, "success"), (Outcome.FAILED, "failed")])
def test_a_wait_for_a_job_ends_with_its_outcome(outcome: Outcome, status: str) -> None:
    apps = {"a": application(outcome=outcome, exit_code=0 if outcome.is_successful else 9)}
    done = models.Job(id="x", state=JobState.COMPLETED, outcome=outcome, applications=apps)
    event = wait(make_trigger(AztkJobTrigger), snapshot(), snapshot(job=done))
    assert event["status"] == status
    assert event["result"]["jobs"] == [{"job_id": "x", "outcome": str(outcome)}]
    assert event["code"] == (None if outcome.is_successful else "9")
