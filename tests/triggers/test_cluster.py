"""What ends a wait for clusters."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
from tests.support.fake_wait import (
    cluster,
    make_trigger,
    snapshot,
    wait,
)


def test_a_wait_for_a_cluster_succeeds_when_it_is_ready() -> None:
    event = wait(
        make_trigger(AztkClusterTrigger), snapshot(exists=False), snapshot(cluster=cluster(ClusterState.CREATING)),
        snapshot(cluster=cluster(ClusterState.READY)),
    )  # fmt: skip
    assert (event["status"], event["ids"], event["remote"]) == ("success", ["x"], {"id": "r"})


@pytest.mark.parametrize("state", ClusterState)
@pytest.mark.parametrize("missing_ok", [True, False])
def test_every_state_of_a_cluster_ends_the_wait_or_not_as_documented(state: ClusterState, missing_ok: bool) -> None:
    """The table of docs/how-to/sensors.md."""
    steps = [snapshot(cluster=cluster(state)), snapshot(exists=False), snapshot(cluster=cluster(ClusterState.READY))]
    if not missing_ok and state is ClusterState.CREATING:
        steps.pop(1)
    event = wait(make_trigger(AztkClusterTrigger, missing_ok=missing_ok), *steps)
    waits = state in (ClusterState.CREATING, ClusterState.READY) or (missing_ok and state is not ClusterState.FAILED)
    assert event["status"] == ("success" if waits else "failed")


def test_a_failed_cluster_ends_the_wait_while_another_does_not_exist_yet() -> None:
    for absent in (snapshot(exists=False), snapshot(cluster=cluster(ClusterState.ENDED))):
        trigger = make_trigger(AztkClusterTrigger, cluster_ids=["x", "y"])
        event = wait(trigger, {"x": [absent], "y": [snapshot(cluster=cluster(ClusterState.FAILED))]})
        assert event["status"] == "failed"
        assert "cluster y cannot be used" in str(event["message"])


def test_a_missing_cluster_fails_the_wait_without_missing_ok() -> None:
    event = wait(make_trigger(AztkClusterTrigger, missing_ok=False), snapshot(exists=False))
    assert (event["status"], event["code"]) == ("failed", "NotFound")


def test_a_cluster_without_quota_ends_the_wait_with_the_code_of_batch() -> None:
    failure = models.Failure(code="AccountCoreQuotaReached", message="no cores", values={"Limit": "10"})
    event = wait(make_trigger(AztkClusterTrigger), snapshot(cluster=cluster(ClusterState.FAILED, failure=failure)))
    assert (event["status"], event["code"]) == ("failed", "AccountCoreQuotaReached")
    assert "no cores; Limit: 10" in str(event["message"])


def test_a_change_of_the_workers_of_a_cluster_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    failed = models.FailedWorker(task_id="aztk-worker-001", node_id="n", message="it ended", last_lines=["the cause"])
    waiting = cluster(ClusterState.CREATING, spark_master_url="spark://h:1", workers=1, target_workers=3)
    worse = dataclasses.replace(waiting, failed_workers=[failed])
    ready = dataclasses.replace(worse, workers=2, state=ClusterState.READY)
    views = [snapshot(cluster=each) for each in (waiting, waiting, worse, worse, ready)]
    wait(make_trigger(AztkClusterTrigger), *views)
    said = capsys.readouterr().out
    assert said.count("1 of 3 workers are ready") == 2, "alone, and with the one that will not come"
    assert said.count("2 of 3 workers are ready; 1 failed") == 1
    assert said.count("the cause") == 1
