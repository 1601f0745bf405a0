"""What ends a wait for a deletion."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import JobState
from airflow_provider_aztk.triggers.deletion import AztkDeletionTrigger
from tests.support.fake_wait import (
    make_trigger,
    snapshot,
    wait,
)


def test_a_deletion_ends_the_wait_when_the_job_does_not_exist_any_more() -> None:
    going = models.Job(id="x", state=JobState.DELETING, creation_time=datetime.fromtimestamp(900_000, UTC))
    steps = [snapshot(job=going), snapshot(job=going), snapshot(exists=False, job=None)]
    event = wait(make_trigger(AztkDeletionTrigger), *steps)
    assert (event["status"], event["remote"]) == ("success", {"id": "r"})


def test_a_job_created_under_the_same_id_after_the_deletion_ends_the_wait() -> None:
    going = models.Job(id="x", state=JobState.DELETING, creation_time=datetime.fromtimestamp(900_000, UTC))
    later = models.Job(id="x", state=JobState.ACTIVE, creation_time=datetime.fromtimestamp(1_000_050, UTC))
    assert wait(make_trigger(AztkDeletionTrigger), snapshot(job=going), snapshot(job=later))["status"] == "success"
    old = models.Job(id="x", state=JobState.ACTIVE, creation_time=datetime.fromtimestamp(900_000, UTC))
    event = wait(make_trigger(AztkDeletionTrigger, deadline=1_000_000.1), snapshot(job=old))
    assert event["status"] == "timeout", "a list may lag: one that was there before is still to go"
