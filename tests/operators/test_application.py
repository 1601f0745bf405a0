"""Operators for applications: definitions and names, limits, and how an application ends."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
)

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.exceptions import AztkApplicationError, AztkCancelledError, AztkClusterError
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.application_work import StartedApplications
from airflow_provider_aztk.operators.job import AztkSubmitJobOperator
from airflow_provider_aztk.operators.task_state import TASK_STATE_KEY
from tests.support.airflow_home import Context
from tests.support.fake_client import Client, defer, event

if TYPE_CHECKING:
    from pathlib import Path


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


def test_secrets_in_clear_text_are_refused_at_parse_time() -> None:
    with DAG("etl", schedule=None), pytest.raises(ValueError, match="clear text"):
        AztkSubmitApplicationOperator(
            task_id="x",
            cluster_id="c",
            application={"name": "a", "application": "a.py", "secret_env": {"K": "hunter2"}},
        )


def test_execution_timeout_becomes_the_batch_tasks_own_limit(client: Client, app: Any) -> None:
    defer(app, Context())
    assert client.submitted[0].max_wall_clock == timedelta(hours=1)


def test_without_cancel_on_kill_the_batch_task_has_no_limit(client: Client, app: Any) -> None:
    app.cancel_on_kill = False
    defer(app, Context())
    assert client.submitted[0].max_wall_clock is None


def test_the_shorter_of_two_limits_is_the_batch_tasks(client: Client, app: Any) -> None:
    app.application["max_wall_clock"] = "10h"
    defer(app, Context())
    assert client.submitted[0].max_wall_clock == timedelta(hours=1)


def test_a_failed_driver_fails_the_task_with_exit_code_and_last_lines(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    with pytest.raises(AztkApplicationError, match="last words") as raised:
        app.execute_complete(context, event(remote, "failed", outcome="failed", exit_code=7))
    assert raised.value.exit_code == 7
    assert TASK_STATE_KEY not in context["task_state_store"]


def test_an_application_that_somebody_stopped_raises_a_cancelled_error(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    with pytest.raises(AztkCancelledError):
        app.execute_complete(context, event(remote, "failed", outcome="stopped", exit_code=220))


@pytest.mark.parametrize(("cut_short", "kind"), [("MasterFailed", AztkClusterError), (None, AztkCancelledError)])
def test_a_stopped_application_is_a_cluster_error_only_where_its_cluster_failed(
    client: Client, app: Any, cut_short: str | None, kind: type[Exception]
) -> None:
    context = Context()
    told = event(defer(app, context), "failed", outcome="stopped", exit_code=None)
    told["result"]["cluster_failure_code"] = cut_short
    with pytest.raises(kind):
        app.execute_complete(context, told)


def test_applications_are_stopped_where_their_cluster_fails(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    with pytest.raises(AztkClusterError, match="pi ended"):
        app.execute_complete(context, event(remote, "failed", state="active", outcome=None))
    assert client.calls[-1] == ("stop", remote["application_names"][0])


def test_many_applications_are_stopped_in_parallel(client: Client, tmp_path: Path) -> None:
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        many = AztkSubmitApplicationsOperator(
            task_id="x", cluster_id="c", applications=[{"application": str(tmp_path / "pi.py")}] * 20
        )
    at_once = threading.Barrier(4)
    seen: list[str] = []

    def stop(_: str, name: str) -> None:
        at_once.wait(timeout=10)
        seen.append(name)
        if len(seen) == 1:
            raise errors.ApplicationNotFoundError("gone", id=name)

    client.stop_application = stop  # type: ignore[method-assign]  # in place of the fake's own
    names = [f"n{number}" for number in range(20)]
    many.make_work(Context()).cancel(client, StartedApplications("c", names))  # type: ignore[arg-type]  # fakes
    assert sorted(seen) == sorted(names)
