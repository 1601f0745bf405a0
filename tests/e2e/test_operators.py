"""What the example DAGs do not show of the operators and sensors: stopping, deleting, reaping, the connection test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors

if TYPE_CHECKING:
    from tests.e2e.airflow_stack import AirflowStack

pytestmark = pytest.mark.slow


def states(airflow_stack: AirflowStack, dag_id: str, run_id: str) -> dict[str, str]:
    """Return the states of a run's tasks."""
    return {task["task_id"]: task["state"] for task in airflow_stack.airflow.tasks(dag_id, run_id)}


def job_left_alone(airflow_stack: AirflowStack, seconds: float) -> str:
    """Let a task submit a job and go away."""
    run_id, state = airflow_stack.run("e2e_job_left_alone", seconds=seconds)
    assert state == "success", airflow_stack.text("e2e_job_left_alone", run_id, "job")
    return str(airflow_stack.xcoms("e2e_job_left_alone", run_id, "job")["job_id"])


def test_stopping_an_application_of_a_job_and_then_the_job(airflow_stack: AirflowStack) -> None:
    job_id = job_left_alone(airflow_stack, 300)
    airflow_stack.wait_for(lambda: running(airflow_stack, job_id) == {"one", "two"}, "both applications run", 120)

    run_id = airflow_stack.start("example_aztk_stop_job", job_id=job_id, application_name="one")
    assert airflow_stack.airflow.wait_for_run("example_aztk_stop_job", run_id) == "success"
    airflow_stack.wait_for(lambda: str(airflow_stack.client.get_job(job_id).outcome) == "stopped", "the job is stopped")
    ended = {
        name: app.end_time for name, app in airflow_stack.client.get_job(job_id).applications.items() if app is not None
    }
    assert ended["one"] < ended["two"], "the other went on until the job was stopped"

    run_id, state = airflow_stack.run("e2e_wait_and_delete_job", job_id=job_id)
    assert state == "failed", "a sensor fails where the job did not succeed"
    assert states(airflow_stack, "e2e_wait_and_delete_job", run_id)["reschedule"] == "failed"
    assert "stopped" in airflow_stack.text("e2e_wait_and_delete_job", run_id, "reschedule")

    airflow_stack.client.delete_job(job_id, wait=True)
    run_id, state = airflow_stack.run("example_aztk_stop_job", job_id=job_id, application_name="one")
    assert state == "success", "stopping what is gone is fine"
    for task in ("stop_one", "stop_job"):
        assert "does not exist (any more)" in airflow_stack.text("example_aztk_stop_job", run_id, task)


def running(airflow_stack: AirflowStack, job_id: str) -> set[str]:
    """Name the applications of a job that run."""
    found = airflow_stack.client.get_job(job_id).applications
    return {name for name, app in found.items() if app is not None and str(app.state) == "running"}


def test_waiting_for_a_job_and_deleting_it(airflow_stack: AirflowStack) -> None:
    job_id = job_left_alone(airflow_stack, 5)

    run_id, state = airflow_stack.run("e2e_wait_and_delete_job", job_id=job_id)

    assert state == "success", states(airflow_stack, "e2e_wait_and_delete_job", run_id)
    for task in ("reschedule", "deferred"):
        found = airflow_stack.xcoms("e2e_wait_and_delete_job", run_id, task)["return_value"]
        assert found["jobs"] == [{"job_id": job_id, "outcome": "success"}]
        assert {app["name"] for app in found["applications"]} == {"one", "two"}
    assert airflow_stack.xcoms("e2e_wait_and_delete_job", run_id, "delete")["return_value"] is True
    assert airflow_stack.xcoms("e2e_wait_and_delete_job", run_id, "again")["return_value"] is False
    with pytest.raises(errors.NotFoundError):
        airflow_stack.client.get_job(job_id)


def test_the_reap_operator(airflow_stack: AirflowStack) -> None:
    run_id, state = airflow_stack.run("e2e_create_only")
    assert state == "success"
    cluster_id = airflow_stack.xcoms("e2e_create_only", run_id, "create")["cluster_id"]

    reaping, state = airflow_stack.run("e2e_reap")

    assert state == "success"
    assert airflow_stack.xcoms("e2e_reap", reaping, "would")["return_value"] == [cluster_id]
    assert airflow_stack.xcoms("e2e_reap", reaping, "reap")["return_value"] == [cluster_id]
    airflow_stack.wait_for(lambda: f"job {cluster_id}" not in airflow_stack.local_stack.left(), "the cluster is gone")


def test_the_connection_test_of_the_ui(airflow_stack: AirflowStack) -> None:
    conn = json.loads(airflow_stack.local_stack.connection)

    def ask(**changes: Any) -> tuple[bool, str]:
        given = {**conn, **changes}
        body = {
            "connection_id": "aztk_tried",
            "conn_type": "aztk",
            "host": given["host"],
            "login": given["login"],
            "password": given["password"],
            "extra": json.dumps(given["extra"]),
        }
        answer = airflow_stack.airflow.call("POST", "/api/v2/connections/test", body)
        return answer["status"], answer["message"]

    assert ask() == (
        True,
        f"Azure Batch account {conn['login']} and storage account {conn['extra']['storage_account_name']} answer",
    )
    works, message = ask(password="bm90IHRoZSBrZXk=")
    assert (works, "Azure Batch" in message) == (False, True), message
    works, message = ask(extra={**conn["extra"], "storage_access_key": "bm90IHRoZSBrZXk="})
    assert (works, "torage" in message) == (False, True), message
