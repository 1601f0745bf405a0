"""Every example DAG runs as it stands; example_aztk_cluster also on real Spark, see test_demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.airflow_stack import APP_SECRET

if TYPE_CHECKING:
    from tests.e2e.airflow_stack import AirflowStack

pytestmark = pytest.mark.slow

PI = "Pi is roughly 3.14"


def run(airflow_stack: AirflowStack, dag_id: str) -> str:
    """Run an example to its end."""
    run_id = airflow_stack.airflow.trigger(dag_id)
    state = airflow_stack.airflow.wait_for_run(dag_id, run_id)
    assert state == "success", [
        (task["task_id"], task["state"]) for task in airflow_stack.airflow.tasks(dag_id, run_id)
    ]
    return run_id


def test_a_job(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_job")
    text = airflow_stack.text("example_aztk_job", run_id, "two_estimates")
    assert f"[rough] {PI}" in text
    assert f"[fine] {PI}" in text


def test_a_job_that_nobody_waits_for(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_job_control")
    job_id = airflow_stack.xcoms("example_aztk_job_control", run_id, "submit")["job_id"]
    found = airflow_stack.xcoms("example_aztk_job_control", run_id, "done")["return_value"]
    assert found["jobs"] == [{"job_id": job_id, "outcome": "success"}]
    assert airflow_stack.xcoms("example_aztk_job_control", run_id, "delete")["return_value"] is True
    assert PI in airflow_stack.client.get_job_application_log(job_id, "pi").log, "logs were kept"
    airflow_stack.client.delete_job(job_id)


def test_several_clusters_and_applications(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_several")
    created = airflow_stack.xcoms("example_aztk_several", run_id, "create_clusters")
    assert [(found["state"], found["nodes"]) for found in created["return_value"]] == [("ready", 1), ("ready", 2)]
    small, large = created["cluster_id_1"], created["cluster_id_2"]
    assert [found["cluster_id"] for found in created["return_value"]] == [small, large]
    done = airflow_stack.xcoms("example_aztk_several", run_id, "estimates")["return_value"]
    assert [(app["outcome"], app["exit_code"]) for app in done] == [("success", 0), ("success", 0)]
    seen = airflow_stack.xcoms("example_aztk_several", run_id, "all_done")["return_value"]
    assert {app["name"] for app in seen} == {app["name"] for app in done}
    text = airflow_stack.text("example_aztk_several", run_id, "estimates")
    for app in done:
        assert f"[{app['name']}] {PI}" in text
    assert airflow_stack.xcoms("example_aztk_several", run_id, "delete_small")["return_value"] is True
    assert f"job {small}" not in airflow_stack.local_stack.left(), "the task was done when Azure was"
    assert PI in airflow_stack.client.get_application_log(large, done[0]["name"]).log, "logs were kept"
    airflow_stack.client.delete_cluster(large)


def test_mapped_applications_in_a_task_group(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_task_group")
    tasks = [
        t for t in airflow_stack.airflow.tasks("example_aztk_task_group", run_id) if t["task_id"] == "spark.run_pi"
    ]
    assert sorted(task["rendered_map_index"] for task in tasks) == ["pi-10", "pi-20", "pi-5"]
    for index in range(3):
        assert PI in airflow_stack.text("example_aztk_task_group", run_id, "spark.run_pi", map_index=index)


def test_a_user_can_be_created_for_ssh(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_user")
    assert "ann can log in" in airflow_stack.text("example_aztk_user", run_id, "spark.create_user")


def test_applications_with_limits(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_applications")
    assert PI in airflow_stack.text("example_aztk_applications", run_id, "spark.one")
    assert airflow_stack.text("example_aztk_applications", run_id, "spark.two").count(PI) == 2


def test_secrets_from_connections(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_secrets")
    text = airflow_stack.text("example_aztk_secrets", run_id, "spark.load")
    assert f"The token has {len(APP_SECRET)} characters" in text


def test_retries_and_time_limits(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_retries")
    assert PI in airflow_stack.text("example_aztk_retries", run_id, "spark.run_pi")


def test_a_connection_for_a_whole_dag(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_connection")
    assert PI in airflow_stack.text("example_aztk_connection", run_id, "run_pi")


def test_yaml_files(airflow_stack: AirflowStack) -> None:
    run_id = run(airflow_stack, "example_aztk_yaml")
    assert PI in airflow_stack.text("example_aztk_yaml", run_id, "nightly.run_pi")
    created = airflow_stack.xcoms("example_aztk_yaml", run_id, "nightly.create_cluster")["return_value"]
    assert (created["nodes"], created["vm_size"].lower()) == (2, "standard_d2ds_v5")


def test_a_long_lived_cluster_with_sensors_and_the_reaper(airflow_stack: AirflowStack) -> None:
    first = run(airflow_stack, "example_aztk_long_lived")
    assert airflow_stack.xcoms("example_aztk_long_lived", first, "make_sure_of_the_cluster")["cluster_id"] == "shared"
    again = run(airflow_stack, "example_aztk_long_lived")
    assert airflow_stack.xcoms("example_aztk_long_lived", again, "make_sure_of_the_cluster")["cluster_id"] == "shared"

    run_id = run(airflow_stack, "example_aztk_sensors")
    assert [app["outcome"] for app in airflow_stack.xcoms("example_aztk_sensors", run_id, "done")["return_value"]] == [
        "success"
    ]

    airflow_stack.airflow.call("PATCH", "/api/v2/dags/example_aztk_reaper", {"is_paused": False})
    run(airflow_stack, "example_aztk_reaper")
    assert "job shared" in airflow_stack.local_stack.left(), "the reaper leaves alone what belongs to no run"
    airflow_stack.client.delete_cluster("shared", wait=True)
