"""Clusters of real node processes on the stand-in for Spark: how they come up, fail over, and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract
from tests.node.harness import interpreters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.node.harness import FakeBatch, Task

FAST = {"AZTK_NODE_SPEEDUP": "20"}
WORKER = contract.worker_task_id(1)
# Ends when the file of its argument appears.
UNTIL = "import os, sys, time\nprint('started', flush=True)\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.05)\n"
NO_CONTEXT = "# fake-spark: no spark context\n"


def program(tmp_path: Path, text: str, name: str = "app.py") -> Path:
    """Write a program."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def up(cluster: FakeBatch, **definition: Any) -> Task:
    """Bring a master up."""
    cluster.define(**definition)
    master = cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.wait_for_master()
    return master


def result(cluster: FakeBatch, name: str) -> tuple[Any, Any, Any]:
    """Return outcome, exit code and attempt of an application."""
    found = cluster.get_json(contract.ApplicationBlobs(name).result)
    assert found is not None
    return found["outcome"], found["exit_code"], found["attempt"]


def processes_of(task: Task) -> list[int]:
    """Find the processes whose working directory is the task's."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(str(task.directory)):
                found.append(int(pid))
        except OSError:
            continue
    return found


# Coming up


def test_a_cluster_comes_up_and_publishes_where_it_is(cluster: FakeBatch) -> None:
    cluster.define(nodes=2)
    worker = cluster.start("worker", WORKER)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    master = cluster.start("master", contract.MASTER_TASK_ID)
    assert gate.wait() == 0
    where = cluster.wait_for_master()
    assert where == {
        "version": 1,
        "started": where["started"],
        "attempt": 1,
        "node_id": f"node-{master.host}",
        "host": master.host,
        "port": 7077,
        "web_port": 8080,
        "url": f"spark://{master.host}:7077",
        "workers": where["workers"],
        "target_workers": 2,
        "waiting_for_workers": False,
        "failed_workers": [],
    }
    assert cluster.get_json(contract.ClusterBlobs.worker(WORKER)) == {
        "version": 1,
        "task_id": WORKER,
        "node_id": f"node-{worker.host}",
        "host": worker.host,
        "state": "running",
        "attempt": 1,
        "message": "",
        "exit_code": 0,
        "last_lines": [],
    }
    status = cluster.wait_for(lambda: _status(cluster, workers=2))
    assert (status["state"], status["active_applications"]) == ("alive", 0)


def test_the_whole_node_code_runs_on_the_oldest_python(cluster: FakeBatch, tmp_path: Path) -> None:
    cluster.python = interpreters()[-1]
    up(cluster)
    cluster.submit("app", program(tmp_path, "import sys; print('on', sys.version_info[:2])"), args=["ü"])
    assert cluster.start("driver", "app").wait() == 0
    version = subprocess.run([cluster.python, "-c", "import sys; print(sys.version_info[:2])"], stdout=subprocess.PIPE)
    assert b"on " + version.stdout in cluster.log("app")


@pytest.mark.slow
def test_two_masters_on_one_address_take_different_ports(cluster: FakeBatch) -> None:
    first = up(cluster)
    one = cluster.wait_for_master()
    cluster.start("master", contract.MASTER_TASK_ID, host=first.host)
    other = cluster.wait_for(lambda: _other_master(cluster, one))
    assert (other["host"], other["port"] != one["port"]) == (one["host"], True)


@pytest.mark.slow
def test_a_gate_opens_when_the_time_is_up(cluster: FakeBatch) -> None:
    cluster.define(nodes=3, gate_timeout_seconds=1)
    assert cluster.start("gate", contract.GATE_TASK_ID).wait(20) == 0


@pytest.mark.slow
def test_a_dead_master_fails_its_task_so_that_batch_retries_it(cluster: FakeBatch) -> None:
    master = up(cluster)
    page = [pid for pid in processes_of(master) if b"fake_master" in _command(pid)]
    os.kill(page[0], signal.SIGKILL)
    assert master.wait(20) == contract.EXIT_NO_MASTER
    assert processes_of(master) == []


@pytest.mark.slow
def test_a_dead_worker_is_started_again(cluster: FakeBatch) -> None:
    master = up(cluster)
    for pid in processes_of(master):
        if b"fake_worker" in _command(pid):
            os.kill(pid, signal.SIGKILL)
    cluster.wait_for(lambda: master.output.count("starting a worker") == 2, 20)
    cluster.wait_for(lambda: _status(cluster, workers=1), 20)


def test_spark_home_without_spark_is_bad_input(cluster: FakeBatch) -> None:
    task = cluster.start("master", contract.MASTER_TASK_ID, env={"SPARK_HOME": "/nonexistent"})
    assert task.wait() == contract.EXIT_BAD_INPUT
    assert "SPARK_HOME" in task.output


# Scripts


@pytest.mark.slow
def test_scripts_run_in_order_where_they_are_due(cluster: FakeBatch, tmp_path: Path) -> None:
    listed = []
    for number, run_on in enumerate(["all-nodes", "master", "worker"]):
        name = f"node/scripts/{number:02d}-{run_on}"
        cluster.put(name, f"echo script {run_on} ran with $SPARK_HOME\n".encode())
        listed.append({"name": run_on, "file": name, "run_on": run_on})
    master = up(cluster, scripts=listed, worker_on_master=False)
    worker = cluster.start("worker", WORKER)
    cluster.wait_for(lambda: cluster.get(contract.ClusterBlobs.worker(WORKER)))
    assert _ran(master.output) == ["all-nodes", "master"]
    assert _ran(worker.output) == ["all-nodes", "worker"]
    cluster.submit("app", program(tmp_path, "print('done')"))
    assert cluster.start("driver", "app").wait() == 0
    assert _ran(cluster.log("app").decode()) == ["all-nodes", "master"]


@pytest.mark.parametrize("command", ["master", "worker", "driver"])
def test_a_failing_script_fails_its_task_with_its_output(cluster: FakeBatch, tmp_path: Path, command: str) -> None:
    cluster.put("node/scripts/00-bad", b"#!/bin/sh\necho alas >&2\nexit 7\n")
    cluster.define(scripts=[{"name": "bad", "file": "node/scripts/00-bad", "run_on": "all-nodes"}])
    cluster.submit("app", program(tmp_path, ""))
    task = cluster.start(command, "app")
    assert task.wait() == contract.EXIT_SCRIPT_FAILED
    assert "alas" in task.output
    assert "custom script bad ended with exit code 7" in task.output
    kept = cluster.get(contract.ClusterBlobs.MASTER_LOG)
    if command == "master":
        assert kept is not None
        assert kept.endswith(b"alas\nScriptFailedError: custom script bad ended with exit code 7\n")
    else:
        assert kept is None
    if command == "driver":
        assert b"alas" in cluster.log("app")
        assert result(cluster, "app") == ("failed", contract.EXIT_SCRIPT_FAILED, 1)


# Failing over


@pytest.mark.slow
def test_a_new_master_takes_over_workers_and_applications(cluster: FakeBatch, tmp_path: Path) -> None:
    end = tmp_path / "end"
    first = up(cluster, nodes=2)
    worker = cluster.start("worker", WORKER, env=FAST)
    one = cluster.wait_for_master()
    cluster.submit("app", program(tmp_path, UNTIL), args=[str(end)])
    driver = cluster.start("driver", "app", env=FAST)
    cluster.wait_for(lambda: b"started" in cluster.log("app"))
    cluster.wait_for(lambda: len(list(cluster.container.list_blobs(contract.ClusterBlobs.RECOVERY_PREFIX))) >= 3)
    first.kill()
    cluster.wait_for(lambda: not processes_of(first), 10, "the end of all that the master's wrapper had started")
    cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.wait_for(lambda: cluster.get(contract.ClusterBlobs.MASTER) == b"", 10, "that nobody is ready")
    other = cluster.wait_for(lambda: _other_master(cluster, one))
    assert (other["host"] != one["host"], other["attempt"]) == (True, 2)
    cluster.wait_for(lambda: "has adopted this worker" in worker.output, 20)
    cluster.wait_for(lambda: "there is a new master" in driver.output, 20)
    time.sleep(2.5)  # longer than the driver's grace and its second look
    assert driver.process.poll() is None
    assert worker.output.count("starting a worker") == 1
    end.touch()
    assert driver.wait() == 0
    assert result(cluster, "app") == ("success", 0, 1)


@pytest.mark.slow
def test_a_worker_and_a_driver_that_are_not_adopted_start_anew(cluster: FakeBatch, tmp_path: Path) -> None:
    first = up(cluster, nodes=2)
    worker = cluster.start("worker", WORKER, env=FAST)
    one = cluster.wait_for_master()
    for name, text in (("app", UNTIL), ("plain", NO_CONTEXT + UNTIL)):
        cluster.submit(name, program(tmp_path, text, f"{name}.py"), args=[str(tmp_path / "end")])
    driver, plain = cluster.start("driver", "app", env=FAST), cluster.start("driver", "plain", env=FAST)
    cluster.wait_for(lambda: b"started" in cluster.log("app") and b"started" in cluster.log("plain"))
    first.kill()
    for blob in list(cluster.container.list_blobs(contract.ClusterBlobs.RECOVERY_PREFIX)):
        cluster.put(blob.name, b"")
    cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.wait_for(lambda: _other_master(cluster, one))
    assert driver.wait(30) == contract.EXIT_MASTER_LOST
    assert result(cluster, "app") == ("lost", contract.EXIT_MASTER_LOST, 1)
    cluster.wait_for(lambda: worker.output.count("starting a worker") == 2, 30)
    cluster.wait_for(lambda: _status(cluster, workers=2), 20)
    assert plain.process.poll() is None, "a driver without a Spark context has nothing to lose"
    (tmp_path / "end").touch()
    assert plain.wait() == 0
    # Batch runs the lost one again.
    again = cluster.start("driver", "app", env=FAST)
    assert again.wait() == 0
    assert result(cluster, "app") == ("success", 0, 2)
    lines = cluster.log("app").decode().splitlines()
    assert lines.count("started") == 2
    assert any(line.startswith("--- aztk: attempt 2 on node") for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("pause", ["0", "1"])
def test_a_broken_recovery_record_does_not_keep_the_cluster_down(cluster: FakeBatch, pause: str) -> None:
    cluster.put(contract.ClusterBlobs.RECOVERY_PREFIX + "app_broken", b"\x00not a record")
    cluster.define()
    env = {**FAST, "FAKE_SPARK_RECOVERY_PAUSE": pause}  # Spark's master answers before it has read the records
    master = cluster.start("master", contract.MASTER_TASK_ID, env=env)
    cluster.wait_for_master()
    assert "without the records of the earlier master" in master.output


# Ending


@pytest.mark.slow
def test_an_idle_cluster_ends_itself(cluster: FakeBatch) -> None:
    master = up(cluster, idle_timeout_seconds=2)
    started = time.monotonic()
    assert master.wait(30) == 0
    assert time.monotonic() - started > 1
    status = cluster.get_json(contract.ClusterBlobs.STATUS)
    assert status is not None
    assert status["state"] == "idle-timeout"
    assert processes_of(master) == []


@pytest.mark.slow
def test_work_of_any_kind_keeps_a_cluster_alive(cluster: FakeBatch, tmp_path: Path) -> None:
    end = tmp_path / "end"
    master = up(cluster, idle_timeout_seconds=1.5)
    cluster.submit("plain", program(tmp_path, NO_CONTEXT + UNTIL), args=[str(end)])
    driver = cluster.start("driver", "plain")
    time.sleep(3)
    assert master.process.poll() is None, "a driver without a Spark context is work"
    end.touch()
    assert driver.wait() == 0
    for _ in range(3):
        cluster.put(contract.ClusterBlobs.ACTIVITY, b"submitted")
        time.sleep(0.8)
    assert master.process.poll() is None, "a submission is work"
    assert master.wait(30) == 0


@pytest.mark.parametrize("mode", ["cluster", "job"])
def test_a_cluster_whose_tasks_were_never_added_ends_itself(cluster: FakeBatch, mode: str) -> None:
    cluster.put(
        contract.ClusterBlobs.ACTIVITY, b"submit"
    ) if mode == "job" else None  # written before the tasks of a job
    master = up(cluster, incomplete_timeout_seconds=1, mode=mode)
    assert master.wait(30) == 0
    status = cluster.get_json(contract.ClusterBlobs.STATUS)
    assert status is not None
    assert status["state"] == "incomplete"
    assert b"its creation was never finished" in (cluster.get(contract.ClusterBlobs.MASTER_LOG) or b"")


@pytest.mark.slow
def test_the_gate_shows_that_the_tasks_were_added_and_keeps_the_cluster_alive(cluster: FakeBatch) -> None:
    master = up(cluster, incomplete_timeout_seconds=2, idle_timeout_seconds=4, nodes=2, gate_timeout_seconds=8)
    gate = cluster.start("gate", contract.GATE_TASK_ID)  # it waits for a worker that never comes
    assert gate.wait(30) == 0
    assert master.process.poll() is None, "applications wait behind the gate"
    assert cluster.get(contract.ClusterBlobs.lease(contract.GATE_TASK_ID)) == b""
    assert master.wait(30) == 0
    status = cluster.get_json(contract.ClusterBlobs.STATUS)
    assert status is not None
    assert status["state"] == "idle-timeout"


@pytest.mark.slow
def test_a_terminated_master_reports_its_end_and_leaves_nothing(cluster: FakeBatch) -> None:
    master = up(cluster)
    assert master.terminate() == 143
    status = cluster.get_json(contract.ClusterBlobs.STATUS)
    assert status is not None
    assert status["state"] == "ended"
    assert cluster.get(contract.ClusterBlobs.MASTER_LOG) == b""
    assert processes_of(master) == []


def _status(cluster: FakeBatch, workers: int) -> dict[str, Any] | None:
    status = cluster.get_json(contract.ClusterBlobs.STATUS)
    return status if status and status["workers"] == workers else None


def _other_master(cluster: FakeBatch, first: dict[str, Any]) -> dict[str, Any] | None:
    now = cluster.get_json(contract.ClusterBlobs.MASTER)
    return now if now and now["started"] != first["started"] else None


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return b""
    return b"" if b"-c" in words[:5] else b" ".join(words)


def _ran(output: str) -> list[str]:
    return [line.split()[1] for line in output.splitlines() if line.startswith("script ") and " ran with /" in line]


@pytest.mark.slow
def test_the_protocol_is_plain_json(cluster: FakeBatch) -> None:
    up(cluster)
    assert json.loads(cluster.get(contract.ClusterBlobs.MASTER) or b"")["version"] == contract.PROTOCOL_VERSION
