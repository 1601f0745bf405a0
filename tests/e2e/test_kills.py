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

    from world import World

pytestmark = pytest.mark.slow


def outcome(world: World, name: str) -> str | None:
    """Tell how an application on the shared cluster has ended."""
    try:
        found = world.client.get_application(world.cluster_id, name).outcome
    except errors.NotFoundError:
        return None
    return str(found) if found else None


def wait_until_running(world: World, dag_id: str, **conf: object) -> tuple[str, str]:
    """Start a run, and wait until its application runs and its task is deferred; give run and application."""
    run_id = world.start(dag_id, **conf)
    world.wait_for_state(dag_id, run_id, "deferred")
    world.wait_for(lambda: "line 2" in world.text(dag_id, run_id), "the application runs")
    names = world.remote_names(run_id, dag_id)
    assert len(names) == 1
    return run_id, names[0]


@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_a_deferred_task_stops_the_application(shared: World, state: str) -> None:
    run_id, name = wait_until_running(shared, "e2e_app", seconds=120)

    shared.patch("e2e_app", run_id, state)

    shared.wait_for(lambda: outcome(shared, name) == "stopped", "the application is stopped")
    assert shared.airflow.wait_for_run("e2e_app", run_id) == state
    assert len(shared.remote_names(run_id, "e2e_app")) == 1


def test_marking_a_deferred_job_deletes_it(world: World) -> None:
    run_id = world.start("e2e_job", seconds=120)
    world.wait_for(lambda: "app begins" in world.text("e2e_job", run_id, "job"), "a triggerer has taken the trigger")
    assert world.task("e2e_job", run_id, "job")["state"] == "deferred"
    job_id = world.xcoms("e2e_job", run_id, "job")["job_id"]

    world.patch("e2e_job", run_id, "failed", "job")

    world.wait_for(
        lambda: not [left for left in world.stack.left() if job_id.lower() in left.lower()], "all of it goes"
    )


def test_a_quota_ends_a_deferred_job_at_once(world: World) -> None:
    world.admin.resize_error(code="AccountCoreQuotaReached", message="The core quota is used up", count=1)
    try:
        run_id, state = world.run("e2e_job", seconds=1)
    finally:
        world.admin.clear()

    assert state == "failed"
    assert "AccountCoreQuotaReached" in world.text("e2e_job", run_id, "job")
    world.wait_for(lambda: not [left for left in world.stack.left() if "e2e-job" in left], "what was made is deleted")


def test_clearing_a_create_replaces_its_cluster(world: World) -> None:
    run_id = world.start("e2e_ephemeral", seconds=30)
    world.wait_for_state("e2e_ephemeral", run_id, "deferred", "spark.app")
    first = world.xcoms("e2e_ephemeral", run_id, "spark.create_cluster")["cluster_id"]

    world.clear("e2e_ephemeral", run_id, "spark.create_cluster", downstream=True)

    assert world.airflow.wait_for_run("e2e_ephemeral", run_id) == "success"
    assert world.xcoms("e2e_ephemeral", run_id, "spark.create_cluster")["cluster_id"] != first
    world.wait_for(lambda: not [left for left in world.stack.left() if "e2e-" in left], "both clusters are gone")


def test_clearing_a_deferred_task_stops_the_old_application_only(shared: World) -> None:
    run_id, first = wait_until_running(shared, "e2e_app", seconds=20)

    shared.clear("e2e_app", run_id)

    shared.wait_for(lambda: outcome(shared, first) == "stopped", "the first application is stopped")
    assert shared.airflow.wait_for_run("e2e_app", run_id) == "success"
    names = shared.remote_names(run_id, "e2e_app")
    assert len(names) == 2, names
    (second,) = set(names) - {first}
    assert outcome(shared, second) == "success"


def test_clearing_a_task_that_succeeded_runs_it_again(shared: World) -> None:
    run_id, state = shared.run("e2e_app", seconds=0)
    assert state == "success"

    shared.clear("e2e_app", run_id)

    shared.wait_for(lambda: len(shared.remote_names(run_id, "e2e_app")) == 2, "the application is submitted again")
    assert shared.airflow.wait_for_run("e2e_app", run_id) == "success"


@pytest.mark.parametrize("dag_id", ["e2e_halt_submitted", "e2e_sync", "e2e_halt_complete"])
def test_a_killed_worker_submits_once(shared: World, tmp_path: Path, dag_id: str) -> None:
    note = tmp_path / "pid"
    run_id = shared.start(dag_id, seconds=12, note=str(note))
    shared.wait_for(lambda: note.exists() and note.read_text(), "the worker has come to the point")
    if dag_id == "e2e_sync":
        shared.wait_for(lambda: "line 2" in shared.text(dag_id, run_id), "the application runs")

    os.kill(int(note.read_text()), signal.SIGKILL)

    assert shared.airflow.wait_for_run(dag_id, run_id) == "success"
    task = shared.task(dag_id, run_id)
    assert task["try_number"] == 2
    names = shared.remote_names(run_id, dag_id)
    assert len(names) == 1, "one submission"
    assert shared.xcoms(dag_id, run_id)["return_value"]["name"] == names[0]
    text = shared.text(dag_id, run_id, try_number=2)
    assert "An earlier try has started application" in text
    assert text.count("app ends") == 1


def test_a_killed_worker_that_is_asked_first_cancels(shared: World, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    run_id = shared.start("e2e_sync", seconds=120, note=str(note))
    shared.wait_for(lambda: "line 2" in shared.text("e2e_sync", run_id), "the application runs")
    (name,) = shared.remote_names(run_id, "e2e_sync")

    shared.patch("e2e_sync", run_id, "failed")

    shared.wait_for(lambda: outcome(shared, name) == "stopped", "the application is stopped")
    assert shared.airflow.wait_for_run("e2e_sync", run_id) == "failed"


@pytest.mark.parametrize("dag_id", ["e2e_deferral_timeout", "e2e_execution_timeout"])
def test_a_limit_that_is_reached_while_deferred_cancels(shared: World, dag_id: str) -> None:
    run_id = shared.start(dag_id, seconds=120)

    assert shared.airflow.wait_for_run(dag_id, run_id) == "failed"
    (name,) = shared.remote_names(run_id, dag_id)
    shared.wait_for(lambda: outcome(shared, name) == "stopped", "the application is stopped")


def test_azure_batch_keeps_the_limit_where_airflow_is_late(shared: World) -> None:
    run_id = shared.start("e2e_batch_limit", seconds=120)

    assert shared.airflow.wait_for_run("e2e_batch_limit", run_id) == "failed"
    (name,) = shared.remote_names(run_id, "e2e_batch_limit")
    shared.wait_for(lambda: outcome(shared, name) in ("stopped", "failed"), "the application has ended")


def test_a_restarted_triggerer_goes_on_where_the_last_one_stopped(shared: World) -> None:
    run_id, name = wait_until_running(shared, "e2e_app", seconds=45)
    shared.wait_for(lambda: "line 36" in shared.text("e2e_app", run_id), "the first triggerer has noted its place")

    shared.restart("triggerer")

    assert shared.airflow.wait_for_run("e2e_app", run_id) == "success"
    assert shared.remote_names(run_id, "e2e_app") == [name]
    lines = shared.text("e2e_app", run_id).splitlines()
    assert lines.count("app begins hello") == 1, "the second triggerer did not begin at the beginning"
    missing = [number for number in range(1, 80) if f"line {number}" not in lines]
    assert not missing, "no line is lost"


def test_a_task_without_retries_survives_a_scheduler_that_is_busy_for_long(shared: World) -> None:
    run_id = shared.start("e2e_app", seconds=1)
    shared.wait_for_state("e2e_app", run_id, "deferred")
    scheduler = shared.airflow.running["scheduler"]
    scheduler.send_signal(signal.SIGSTOP)
    try:
        time.sleep(20)
        state = shared.task("e2e_app", run_id)["state"]
    finally:
        scheduler.send_signal(signal.SIGCONT)
    assert state == "deferred", "woken now, the scheduler may take it for a task that was killed (apache/airflow#71580)"
    assert shared.airflow.wait_for_run("e2e_app", run_id) == "success", shared.text("e2e_app", run_id)
    log = shared.text("e2e_app", run_id)
    assert "Application app-" in log
    assert ": success, exit code 0, " in log


def test_a_healthy_run_looks_for_nothing_that_is_not_there(shared: World) -> None:
    before = {name: path.stat().st_size for name, path in logs(shared).items()}
    run_id, state = shared.run("e2e_app", seconds=1)
    assert state == "success"
    for name, path in logs(shared).items():
        with path.open("rb") as file:
            file.seek(before.get(name, 0))
            assert b"XCom not found" not in file.read(), name
    assert "XCom not found" not in shared.text("e2e_app", run_id)


def logs(world: World) -> dict[str, Path]:
    """Find the logs of Airflow's processes."""
    return {name: world.airflow.home / f"{name}.log" for name in world.airflow.running}
