"""What operators refuse of their rendered arguments, before anything is sent, and what they make of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
)

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import (
    AztkCreateUserOperator,
    AztkDeleteClusterOperator,
)
from airflow_provider_aztk.operators.job import AztkDeleteJobOperator, AztkStopJobOperator, AztkSubmitJobOperator
from tests.support.airflow_home import Context
from tests.support.fake_client import Client, defer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("value", [None, "", "None", 7])
def test_an_id_that_is_none_is_named(client: Client, app: Any, value: Any) -> None:
    app.cluster_id = value
    with pytest.raises(AirflowFailException, match="cluster_id="):
        app.execute(Context())
    with DAG("etl", schedule=None):
        others: list[Any] = [
            AztkDeleteClusterOperator(task_id="a", cluster_id=value),
            AztkDeleteJobOperator(task_id="b", job_id=value),
            AztkStopJobOperator(task_id="c", job_id=value),
            AztkCreateUserOperator(task_id="d", cluster_id=value, username="u"),
        ]
    for operator in others:
        with pytest.raises(AirflowFailException, match="_id="):
            operator.execute(Context())
    assert client.calls == []


@pytest.mark.parametrize("value", [None, [], "", {"name": "a"}, "name: a"])
def test_a_list_of_applications_must_be_one(client: Client, value: Any) -> None:
    with DAG("etl", schedule=None):
        several = AztkSubmitApplicationsOperator(task_id="x", cluster_id="c", applications=value)
        job = AztkSubmitJobOperator(task_id="y", job_configuration={"id": "j", "applications": value})
    for operator in (several, job):
        with pytest.raises(AirflowFailException, match="applications"):
            operator.execute(Context())
    assert client.calls == []


def test_several_definitions_in_one_file_and_which_of_them_is_wrong(client: Client, tmp_path: Path) -> None:
    (tmp_path / "pi.py").write_text("")
    text = f"- {{name: a, application: {tmp_path}/pi.py}}\n- {{name: b, application: {tmp_path}/none.py}}\n"
    with DAG("etl", schedule=None):
        several = AztkSubmitApplicationsOperator(task_id="x", cluster_id="c", applications=text)
    with pytest.raises(AirflowFailException, match=r"applications\[1\]"):
        several.execute(Context())
    assert client.calls == []


@pytest.mark.parametrize(("task_id", "prefix"), [("größe", "gr-e-"), ("aztk-run", "x-aztk-run-"), ("g.run", "g-run-")])
def test_a_name_made_of_the_tasks_id_is_legal(client: Client, tmp_path: Path, task_id: str, prefix: str) -> None:
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        operator = AztkSubmitApplicationOperator(
            task_id=task_id, cluster_id="c", application={"application": str(tmp_path / "pi.py")}, deferrable=True
        )
    (name,) = defer(operator, Context())["application_names"]
    assert name.startswith(prefix)


def test_a_user_without_credentials_is_not_given_those_of_somebody_else(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", '{"conn_type": "ssh"}')
    with DAG("etl", schedule=None):
        operator = AztkCreateUserOperator(task_id="x", cluster_id="c", username="u", credentials_conn_id="empty")
    with pytest.raises(AirflowFailException, match="credentials_conn_id='empty'"):
        operator.execute(Context())


def test_secrets_in_clear_text_are_refused_at_parse_time() -> None:
    with DAG("etl", schedule=None), pytest.raises(ValueError, match="clear text"):
        AztkSubmitApplicationOperator(
            task_id="x",
            cluster_id="c",
            application={"name": "a", "application": "a.py", "secret_env": {"K": "hunter2"}},
        )


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
