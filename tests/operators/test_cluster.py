"""Operators for clusters: ids, owners and limits, clusters that many runs share, users."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    TaskDeferralTimeout,
)

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.exceptions import AztkClusterError
from airflow_provider_aztk.operators.cluster import (
    AztkCreateClusterOperator,
    AztkCreateClustersOperator,
    AztkCreateUserOperator,
)
from airflow_provider_aztk.operators.task_state import TASK_STATE_KEY
from tests.support.airflow_home import Context
from tests.support.fake_client import Client, cut, defer, event


@pytest.mark.parametrize(
    ("given", "prefix"),
    [({"cluster_id": None}, "etl-spark-"), ({"id": "pi", "cluster_id": None}, "pi-"), ({}, "etl-spark-")],
)
def test_a_cluster_without_an_id_gets_one(client: Client, create: Any, given: dict[str, Any], prefix: str) -> None:
    create.cluster_conf = {"vm_count": 1, **given}
    defer(create, Context())
    assert client.submitted[0].cluster_id.startswith(prefix)


def test_two_ids_of_one_cluster_are_refused(client: Client, create: Any) -> None:
    create.cluster_conf = {"cluster_id": "a", "id": "b", "vm_count": 1}
    with pytest.raises(AirflowFailException, match="cluster_id='a' and id='b'"):
        create.execute(Context())
    assert client.calls == []


def test_a_cluster_has_limits_and_an_owner(client: Client, create: Any) -> None:
    defer(create, Context())
    (conf,) = client.submitted
    assert (conf.max_lifetime, conf.idle_timeout) == (timedelta(days=3), timedelta(hours=1))
    assert conf.metadata["airflow_dag"] == "etl"


def test_a_cluster_that_fails_is_deleted(client: Client, create: Any) -> None:
    context = Context()
    remote = defer(create, context)
    with pytest.raises(AztkClusterError):
        create.execute_complete(context, event(remote, "failed"))
    assert client.calls[-1] == ("delete", remote["cluster_ids"][0])


def test_the_log_of_a_created_cluster_names_workers_that_failed(
    client: Client, create: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    context = Context()
    remote = defer(create, context)
    failed = models.FailedWorker(task_id="aztk-worker-001", node_id="n", message="it ended", last_lines=["the cause"])
    (cluster_id,) = remote["cluster_ids"]
    client.clusters[cluster_id] = models.Cluster(
        id=cluster_id, state=ClusterState.READY, workers=1, target_workers=2, failed_workers=[failed]
    )
    create.execute_complete(context, event(remote))
    said = capsys.readouterr().out + caplog.text
    assert "1 of 2 workers are ready; 1 failed" in said
    assert "the cause" in said


@pytest.mark.parametrize("exact_id", [False, True])
def test_several_clusters_are_all_or_none(client: Client, exact_id: bool) -> None:
    with DAG("etl", schedule=None):
        confs = [{"cluster_id": "a", "vm_count": 1}, {"cluster_id": "b", "vm_count": 1}]
        several = AztkCreateClustersOperator(task_id="x", cluster_confs=confs, exact_id=exact_id, deferrable=True)
    made: list[str] = []

    def refuse_the_second(conf: models.ClusterConfiguration) -> None:
        if conf.cluster_id.startswith("b"):
            raise errors.ClusterExistsError("taken", id=conf.cluster_id)
        made.append(conf.cluster_id)
        client.clusters[conf.cluster_id] = models.Cluster(id=conf.cluster_id, state=ClusterState.CREATING)

    if exact_id:
        client.clusters["b"] = models.Cluster(id="b", state=ClusterState.READY)
    client.create_cluster = refuse_the_second  # type: ignore[method-assign]  # in place of the fake's own
    with pytest.raises(AirflowFailException):
        several.execute(Context())
    assert len(made) == 1
    assert ("delete", made[0]) in client.calls
    assert ("delete", "b") not in client.calls, "it was there before"


@pytest.fixture
def shared(create: AztkCreateClusterOperator) -> AztkCreateClusterOperator:
    """The same with an exact id."""
    create.exact_id = True
    return create


def test_a_shared_cluster_that_was_there_survives_every_end(client: Client, shared: Any) -> None:
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.READY)
    context = Context()
    remote = defer(shared, context)
    assert remote["cluster_ids"] == ["pi"]
    shared.on_kill()
    with pytest.raises(TaskDeferralTimeout):
        shared.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    with pytest.raises(AztkClusterError):
        shared.execute_complete(context, event(remote, "failed"))
    assert "delete" not in [call[0] for call in client.calls]


def test_a_retry_knows_that_it_made_the_shared_cluster(client: Client, shared: Any) -> None:
    context = Context()
    defer(shared, context)  # makes it; it is being created
    retry = Context(try_number=2, store=context["task_state_store"])
    remote = defer(shared, retry)
    with pytest.raises(AztkClusterError):
        shared.execute_complete(retry, event(remote, "failed"))
    assert client.calls[-1] == ("delete", "pi")


def test_a_retry_never_replaces_a_cluster_that_is_shared(client: Client) -> None:
    with DAG("etl", schedule=None):
        shared = AztkCreateClusterOperator(
            task_id="spark", cluster_conf={"cluster_id": "pi", "vm_count": 1}, exact_id=True, deferrable=True
        )
    context = Context()
    defer(shared, context)
    client.fail = errors.ClusterExistsError("another definition", id="pi")
    with pytest.raises(AirflowFailException, match="another definition"):
        shared.execute(Context(try_number=2, store=context["task_state_store"]))
    assert list(client.clusters) == ["pi"]


def test_a_shared_cluster_that_has_ended_is_replaced(client: Client, shared: Any) -> None:
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.ENDED)
    defer(shared, Context())
    assert client.calls == [("make way", "pi"), ("create", "pi")]


def test_a_clear_does_not_delete_the_shared_cluster(client: Client, shared: Any) -> None:
    context = Context()
    defer(shared, context)
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.READY)
    cleared = Context(try_number=2, clear_number=1, store=context["task_state_store"])
    defer(shared, cleared)
    assert [call[0] for call in client.calls] == ["create", "create"], "the second call finds it, and changes nothing"


@pytest.fixture
def two_shared(client: Client, monkeypatch: pytest.MonkeyPatch) -> AztkCreateClustersOperator:
    """Two clusters with exact ids; another run makes the second one, by another definition, after the plan."""
    with DAG("etl", schedule=None):
        confs = [{"cluster_id": "mine", "vm_count": 1}, {"cluster_id": "theirs", "vm_count": 1}]
        several = AztkCreateClustersOperator(task_id="spark", cluster_confs=confs, exact_id=True, deferrable=True)
    create_cluster = client.create_cluster

    def create(conf: models.ClusterConfiguration) -> None:
        create_cluster(conf)
        if conf.cluster_id == "theirs":
            raise errors.ClusterExistsError("of another definition", id="theirs")

    monkeypatch.setattr(client, "create_cluster", create)
    return several


def test_a_shared_cluster_that_another_run_made_meanwhile_is_not_deleted(client: Client, two_shared: Any) -> None:
    with pytest.raises(AirflowFailException, match="another definition"):
        two_shared.execute(Context())
    assert list(client.clusters) == ["theirs"]


def test_a_shared_cluster_of_another_run_is_not_saved_as_made_by_this_one(
    client: Client, two_shared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "delete_cluster", cut)
    context = Context()
    with pytest.raises(AirflowFailException, match="another definition"):
        two_shared.execute(context)
    assert context["task_state_store"][TASK_STATE_KEY]["remote"]["made_ids"] == ["mine"]


def test_a_user_without_credentials_is_not_given_those_of_somebody_else(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", '{"conn_type": "ssh"}')
    with DAG("etl", schedule=None):
        operator = AztkCreateUserOperator(task_id="x", cluster_id="c", username="u", credentials_conn_id="empty")
    with pytest.raises(AirflowFailException, match="credentials_conn_id='empty'"):
        operator.execute(Context())
