"""Tasks that are ended from outside: what they started is cancelled, once, and a retry finds what was running."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.airflow_stack import AirflowStack

pytestmark = pytest.mark.slow


def outcome(airflow_stack: AirflowStack, name: str) -> str | None:
    """Return how an application on the shared cluster has ended."""
    try:
        found = airflow_stack.client.get_application(airflow_stack.cluster_id, name).outcome
    except errors.NotFoundError:
        return None
    return str(found) if found else None


def wait_until_running(airflow_stack: AirflowStack, dag_id: str, **conf: object) -> tuple[str, str]:
    """Start a run, wait until its application runs and its task is deferred, and return run and application."""
    run_id = airflow_stack.start(dag_id, **conf)
    airflow_stack.wait_for_state(dag_id, run_id, "deferred")
    airflow_stack.wait_for(lambda: "line 2" in airflow_stack.text(dag_id, run_id), "the application runs")
    names = airflow_stack.remote_names(run_id, dag_id)
    assert len(names) == 1
    return run_id, names[0]


@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_a_deferred_task_stops_the_application(shared_cluster: AirflowStack, state: str) -> None:
    run_id, name = wait_until_running(shared_cluster, "e2e_app", seconds=120)

    shared_cluster.patch("e2e_app", run_id, state)

    shared_cluster.wait_for(lambda: outcome(shared_cluster, name) == "stopped", "the application is stopped")
    assert shared_cluster.airflow.wait_for_run("e2e_app", run_id) == state
    assert len(shared_cluster.remote_names(run_id, "e2e_app")) == 1


def test_marking_a_deferred_job_deletes_it(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.start("e2e_job", seconds=120)
    airflow_stack.wait_for(
        lambda: "app begins" in airflow_stack.text("e2e_job", run_id, "job"), "a triggerer has taken the trigger"
    )
    assert airflow_stack.task("e2e_job", run_id, "job")["state"] == "deferred"
    job_id = airflow_stack.xcoms("e2e_job", run_id, "job")["job_id"]

    airflow_stack.patch("e2e_job", run_id, "failed", "job")

    airflow_stack.wait_for(
        lambda: not [left for left in airflow_stack.local_stack.left() if job_id.lower() in left.lower()],
        "all of it goes",
    )


def test_a_quota_ends_a_deferred_job_at_once(airflow_stack: AirflowStack) -> None:
    airflow_stack.admin.resize_error(code="AccountCoreQuotaReached", message="The core quota is used up", count=1)
    try:
        run_id, state = airflow_stack.run("e2e_job", seconds=1)
    finally:
        airflow_stack.admin.clear()

    assert state == "failed"
    assert "AccountCoreQuotaReached" in airflow_stack.text("e2e_job", run_id, "job")
    airflow_stack.wait_for(
        lambda: not [left for left in airflow_stack.local_stack.left() if "e2e-job" in left], "what was made is deleted"
    )


def test_clearing_a_create_replaces_its_cluster(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.start("e2e_ephemeral", seconds=30)
    airflow_stack.wait_for_state("e2e_ephemeral", run_id, "deferred", "spark.app")
    first = airflow_stack.xcoms("e2e_ephemeral", run_id, "spark.create_cluster")["cluster_id"]

    airflow_stack.clear("e2e_ephemeral", run_id, "spark.create_cluster", downstream=True)

    assert airflow_stack.airflow.wait_for_run("e2e_ephemeral", run_id) == "success"
    assert airflow_stack.xcoms("e2e_ephemeral", run_id, "spark.create_cluster")["cluster_id"] != first
    airflow_stack.wait_for(
        lambda: not [left for left in airflow_stack.local_stack.left() if "e2e-" in left], "both clusters are gone"
    )


def test_clearing_a_deferred_task_stops_the_old_application_only(shared_cluster: AirflowStack) -> None:
    run_id, first = wait_until_running(shared_cluster, "e2e_app", seconds=20)

    shared_cluster.clear("e2e_app", run_id)

    shared_cluster.wait_for(lambda: outcome(shared_cluster, first) == "stopped", "the first application is stopped")
    assert shared_cluster.airflow.wait_for_run("e2e_app", run_id) == "success"
    names = shared_cluster.remote_names(run_id, "e2e_app")
    assert len(names) == 2, names
    (second,) = set(names) - {first}
    assert outcome(shared_cluster, second) == "success"


def test_clearing_a_task_that_succeeded_runs_it_again(shared_cluster: AirflowStack) -> None:
    run_id, state = shared_cluster.run("e2e_app", seconds=0)
    assert state == "success"

    shared_cluster.clear("e2e_app", run_id)

    shared_cluster.wait_for(
        lambda: len(shared_cluster.remote_names(run_id, "e2e_app")) == 2, "the application is submitted again"
    )
    assert shared_cluster.airflow.wait_for_run("e2e_app", run_id) == "success"


@pytest.mark.parametrize("dag_id", ["e2e_halt_submitted", "e2e_sync", "e2e_halt_complete"])
def test_a_killed_worker_submits_once(shared_cluster: AirflowStack, tmp_path: Path, dag_id: str) -> None:
    note = tmp_path / "pid"
    run_id = shared_cluster.start(dag_id, seconds=12, note=str(note))
    shared_cluster.wait_for(lambda: note.exists() and note.read_text(), "the worker has come to the point")
    if dag_id == "e2e_sync":
        shared_cluster.wait_for(lambda: "line 2" in shared_cluster.text(dag_id, run_id), "the application runs")

    os.kill(int(note.read_text()), signal.SIGKILL)

    assert shared_cluster.airflow.wait_for_run(dag_id, run_id) == "success"
    task = shared_cluster.task(dag_id, run_id)
    assert task["try_number"] == 2
    names = shared_cluster.remote_names(run_id, dag_id)
    assert len(names) == 1, "one submission"
    assert shared_cluster.xcoms(dag_id, run_id)["return_value"]["name"] == names[0]
    text = shared_cluster.text(dag_id, run_id, try_number=2)
    assert "An earlier try has started application" in text
    assert text.count("app ends") == 1


def test_a_killed_worker_that_is_asked_first_cancels(shared_cluster: AirflowStack, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    run_id = shared_cluster.start("e2e_sync", seconds=120, note=str(note))
    shared_cluster.wait_for(lambda: "line 2" in shared_cluster.text("e2e_sync", run_id), "the application runs")
    (name,) = shared_cluster.remote_names(run_id, "e2e_sync")

    shared_cluster.patch("e2e_sync", run_id, "failed")

    shared_cluster.wait_for(lambda: outcome(shared_cluster, name) == "stopped", "the application is stopped")
    assert shared_cluster.airflow.wait_for_run("e2e_sync", run_id) == "failed"


@pytest.mark.parametrize("dag_id", ["e2e_deferral_timeout", "e2e_execution_timeout"])
def test_a_limit_that_is_reached_while_deferred_cancels(shared_cluster: AirflowStack, dag_id: str) -> None:
    run_id = shared_cluster.start(dag_id, seconds=120)

    assert shared_cluster.airflow.wait_for_run(dag_id, run_id) == "failed"
    (name,) = shared_cluster.remote_names(run_id, dag_id)
    shared_cluster.wait_for(lambda: outcome(shared_cluster, name) == "stopped", "the application is stopped")


def test_azure_batch_keeps_the_limit_where_airflow_is_late(shared_cluster: AirflowStack) -> None:
    run_id = shared_cluster.start("e2e_batch_limit", seconds=120)

    assert shared_cluster.airflow.wait_for_run("e2e_batch_limit", run_id) == "failed"
    (name,) = shared_cluster.remote_names(run_id, "e2e_batch_limit")
    shared_cluster.wait_for(lambda: outcome(shared_cluster, name) in ("stopped", "failed"), "the application has ended")


def test_a_restarted_triggerer_goes_on_where_the_last_one_stopped(shared_cluster: AirflowStack) -> None:
    run_id, name = wait_until_running(shared_cluster, "e2e_app", seconds=45)
    shared_cluster.wait_for(
        lambda: "line 36" in shared_cluster.text("e2e_app", run_id), "the first triggerer has noted its place"
    )

    shared_cluster.restart("triggerer")

    assert shared_cluster.airflow.wait_for_run("e2e_app", run_id) == "success"
    assert shared_cluster.remote_names(run_id, "e2e_app") == [name]
    lines = shared_cluster.text("e2e_app", run_id).splitlines()
    assert lines.count("app begins hello") == 1, "the second triggerer did not begin at the beginning"
    missing = [number for number in range(1, 80) if f"line {number}" not in lines]
    assert not missing, "no line is lost"


def test_a_task_without_retries_survives_a_scheduler_that_is_busy_for_long(shared_cluster: AirflowStack) -> None:
    run_id = shared_cluster.start("e2e_app", seconds=1)
    shared_cluster.wait_for_state("e2e_app", run_id, "deferred")
    scheduler = shared_cluster.airflow.running["scheduler"]
    scheduler.send_signal(signal.SIGSTOP)
    try:
        time.sleep(20)
        state = shared_cluster.task("e2e_app", run_id)["state"]
    finally:
        scheduler.send_signal(signal.SIGCONT)
    assert state == "deferred", "woken now, the scheduler may take it for a task that was killed (apache/airflow#71580)"
    assert shared_cluster.airflow.wait_for_run("e2e_app", run_id) == "success", shared_cluster.text("e2e_app", run_id)
    log = shared_cluster.text("e2e_app", run_id)
    assert "Application app-" in log
    assert ": success, exit code 0, " in log


def test_a_healthy_run_looks_for_nothing_that_is_not_there(shared_cluster: AirflowStack) -> None:
    before = {name: path.stat().st_size for name, path in logs(shared_cluster).items()}
    run_id, state = shared_cluster.run("e2e_app", seconds=1)
    assert state == "success"
    for name, path in logs(shared_cluster).items():
        with path.open("rb") as file:
            file.seek(before.get(name, 0))
            assert b"XCom not found" not in file.read(), name
    assert "XCom not found" not in shared_cluster.text("e2e_app", run_id)


def logs(airflow_stack: AirflowStack) -> dict[str, Path]:
    """Find the logs of Airflow's processes."""
    return {name: airflow_stack.airflow.home / f"{name}.log" for name in airflow_stack.airflow.running}
