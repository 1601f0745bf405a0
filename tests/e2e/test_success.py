"""Runs that end well, and one whose driver fails: what is in the log, in XCom, in the links, and what is left."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.airflow_stack import AirflowStack

pytestmark = pytest.mark.slow


def open_page(url: str) -> str:
    """Open a link, as a browser does."""
    with urllib.request.urlopen(url, timeout=10) as page:
        return str(page.read().decode())


def test_a_cluster_of_its_own(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.start("e2e_ephemeral", seconds=8, text="one two")
    airflow_stack.wait_for_state("e2e_ephemeral", run_id, "deferred", "spark.app")
    live = airflow_stack.wait_for(
        lambda: "line 3" in airflow_stack.text("e2e_ephemeral", run_id, "spark.app"),
        "the driver's lines, while deferred",
    )
    assert live
    assert airflow_stack.task("e2e_ephemeral", run_id, "spark.app")["state"] == "deferred", "the lines came late"
    opened = {name: open_page(url) for name, url in airflow_stack.links("e2e_ephemeral", run_id, "spark.app").items()}
    assert set(opened) == {"Batch job", "Batch pool", "Driver log", "Spark UI"}
    assert "aztk-gate" in opened["Batch job"], "the cluster's tasks"
    assert "<td>running</td>" in opened["Batch pool"], "the cluster's node"
    assert "app begins one two" in opened["Driver log"]
    assert "spark://" in opened["Spark UI"]

    assert airflow_stack.airflow.wait_for_run("e2e_ephemeral", run_id) == "success"

    text = airflow_stack.text("e2e_ephemeral", run_id, "spark.app")
    assert "app begins one two" in text
    assert text.count("app ends") == 1
    assert text.count("line 5\n") == 1, "each line stands in the log once"
    created = airflow_stack.xcoms("e2e_ephemeral", run_id, "spark.create_cluster")["return_value"]
    assert created["state"] == "ready"
    assert created["cluster_id"].startswith("e2e-")
    done = airflow_stack.xcoms("e2e_ephemeral", run_id, "spark.app")["return_value"]
    assert (done["outcome"], done["exit_code"]) == ("success", 0)
    gone = airflow_stack.wait_for(
        lambda: not [what for what in airflow_stack.local_stack.left() if "e2e-" in what],
        "everything of this run is removed",
    )
    assert gone


def test_a_driver_that_fails(airflow_stack: AirflowStack) -> None:
    run_id, state = airflow_stack.run("e2e_ephemeral", seconds=1, exit_code=7)

    assert state == "failed"
    text = airflow_stack.text("e2e_ephemeral", run_id, "spark.app")
    assert "line 1" in text
    assert "exit code 7" in text
    assert "The last lines of the driver" in text
    assert airflow_stack.task("e2e_ephemeral", run_id, "spark.delete_cluster")["state"] == "success"
    assert airflow_stack.wait_for(
        lambda: not [w for w in airflow_stack.local_stack.left() if "e2e-" in w], "the cluster is deleted"
    )


def test_a_job_that_brings_its_cluster(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.start("e2e_job", seconds=8)
    airflow_stack.wait_for_state("e2e_job", run_id, "deferred", "job")
    url = airflow_stack.wait_for(
        lambda: airflow_stack.links("e2e_job", run_id, "job")["Spark UI"], "the master's page, while deferred"
    )
    assert "spark://" in open_page(url)
    assert airflow_stack.task("e2e_job", run_id, "job")["state"] == "deferred", "the link came late"
    state = airflow_stack.airflow.wait_for_run("e2e_job", run_id)

    text = airflow_stack.text("e2e_job", run_id, "job")
    assert state == "success", text
    assert "[one] app begins" in text
    assert "[two] app ends" in text
    xcoms = airflow_stack.xcoms("e2e_job", run_id, "job")
    links = {name for name in xcoms if name.endswith("_link")}
    assert links == {"aztk_batch_job_link", "aztk_batch_pool_link", "aztk_spark_ui_link", "aztk_driver_log_link"}
    result = xcoms["return_value"]
    assert result["outcome"] == "success"
    assert {app["name"]: app["exit_code"] for app in result["applications"]} == {"one": 0, "two": 0}
    assert airflow_stack.wait_for(
        lambda: not [w for w in airflow_stack.local_stack.left() if "e2e-job" in w], "the job is removed"
    )


def test_sensors_in_every_mode(shared_cluster: AirflowStack) -> None:
    run_id, state = shared_cluster.run("e2e_sensors", seconds=6)

    states = {task["task_id"]: task["state"] for task in shared_cluster.airflow.tasks("e2e_sensors", run_id)}
    assert state == "success", states
    for name in ("poke", "reschedule", "deferred"):
        found = shared_cluster.xcoms("e2e_sensors", run_id, name)["return_value"]
        assert [app["outcome"] for app in found] == ["success"], name
