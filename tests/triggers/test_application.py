"""What ends a wait for applications on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import ApplicationState, JobState, Outcome
from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from tests.support.fake_wait import (
    MasterLogClient,
    application,
    make_trigger,
    real_snapshot,
    snapshot,
    wait,
)

if TYPE_CHECKING:
    from airflow_provider_aztk.triggers.base import AztkTrigger

NO_CORES = models.Failure(code="AccountCoreQuotaReached", message="no cores", values={"Limit": "0"})


@pytest.mark.parametrize(
    ("ended", "status", "code"),
    [
        (application(), "success", None),
        (application(outcome=Outcome.FAILED, exit_code=7), "failed", "7"),
        (application(outcome=Outcome.STOPPED, exit_code=220), "failed", "220"),
        (application(outcome=Outcome.LOST, exit_code=None), "failed", None),
    ],
)
def test_a_wait_for_an_application_ends_with_its_outcome(
    ended: models.Application, status: str, code: str | None
) -> None:
    running = application(state=ApplicationState.RUNNING, outcome=None, exit_code=None)
    steps = [snapshot(apps=apps) for apps in ({}, {"a": running}, {"a": ended})]
    event = wait(make_trigger(AztkApplicationTrigger), *steps)
    assert (event["status"], event["code"]) == (status, code)
    assert event["result"]["applications"][0]["outcome"] == str(ended.outcome)


@pytest.mark.parametrize(
    ("reason", "code", "text"),
    [
        ("JMComplete", "MasterFailed", "no such package"),
        ("MaxWallClockTimeExpiry", "MaxWallClockTimeExpiry", "its time (max_lifetime) was over"),
        ("Stopped on request", "143", "the cluster's Batch job has ended: Stopped on request"),
    ],
)
def test_an_application_stopped_with_its_cluster_has_the_failure_of_the_cluster(
    reason: str, code: str, text: str
) -> None:
    client = MasterLogClient()
    master = {"exitCode": 224} if code == "MasterFailed" else {}
    ending, ended = (real_snapshot(client, state, reason, **master) for state in ("terminating", "completed"))
    event = wait(make_trigger(AztkApplicationTrigger), ending, ending, ended)
    assert (event["status"], event["code"]) == ("failed", code)
    assert "application a ended: stopped" in str(event["message"])
    assert text in str(event["message"])
    assert event["result"].get("cluster_failure_code") == (None if code == "143" else code)
    assert client.reads == (1 if master else 0)


def test_an_application_stopped_alone_ends_the_wait_at_once() -> None:
    event = wait(make_trigger(AztkApplicationTrigger), real_snapshot(MasterLogClient(), "active", None))
    assert (event["status"], event["code"]) == ("failed", "143")
    assert "cluster" not in str(event["message"])


@pytest.mark.parametrize("cls", [AztkApplicationTrigger, AztkJobTrigger])
def test_the_log_of_a_failed_master_is_masked_in_the_message(cls: type[AztkTrigger]) -> None:
    from airflow.sdk.log import mask_secret

    mask_secret("hunter2-of-the-test")
    failure = models.Failure(code="MasterFailed", message="the last lines:\n    password hunter2-of-the-test is wrong")
    job = models.Job(id="x", state=JobState.COMPLETED, outcome=Outcome.FAILED, failure=failure)
    waiting = application(state=ApplicationState.ACTIVE, outcome=None, exit_code=None)
    event = wait(make_trigger(cls), snapshot(apps={"a": waiting}, job=job))
    assert (event["status"], event["code"]) == ("failed", "MasterFailed")
    assert "password *** is wrong" in str(event["message"])


def test_the_end_of_the_cluster_ends_the_wait_for_its_applications() -> None:
    job = models.Job(id="x", state=JobState.COMPLETED)
    event = wait(make_trigger(AztkApplicationTrigger), snapshot(apps={}, job=job))
    assert event["status"] == "failed"
    assert "ended before its applications did" in str(event["message"])


def test_a_cluster_that_gets_no_nodes_ends_the_wait_for_its_applications() -> None:
    waiting = application(state=ApplicationState.ACTIVE, outcome=None, exit_code=None)
    steps = [snapshot(apps={"a": waiting}, failure=failure) for failure in (None, NO_CORES)]
    event = wait(make_trigger(AztkApplicationTrigger), *steps)
    assert (event["status"], event["code"]) == ("failed", "AccountCoreQuotaReached")
    assert "no cores; Limit: 0" in str(event["message"])
    assert event["result"]["applications"][0]["outcome"] is None


def test_a_wait_for_all_applications_waits_for_the_first_one() -> None:
    trigger = make_trigger(AztkApplicationTrigger, application_names=None)
    event = wait(trigger, snapshot(apps={}), snapshot(apps={"a": application()}))
    assert [found["name"] for found in event["result"]["applications"]] == ["a"]


@pytest.mark.parametrize("state", [JobState.ACTIVE, JobState.COMPLETED])
def test_a_cluster_without_applications_that_has_failed_ends_the_wait_for_all(state: JobState) -> None:
    failure = models.Failure(code="AutoPoolCreationFailed", message="no such image")
    trigger = make_trigger(AztkApplicationTrigger, application_names=None)
    event = wait(trigger, snapshot(apps={}, job=models.Job(id="x", state=state, failure=failure)))
    assert (event["status"], event["code"]) == ("failed", "AutoPoolCreationFailed")
    assert "no such image" in str(event["message"])
