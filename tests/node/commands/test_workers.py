"""Workers that do not become available: nothing waits for them for ever, and the reason is reported."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from tests.node.harness import FakeBatch, Task

pytestmark = pytest.mark.slow  # processes that fail again and again

FAST = {"AZTK_NODE_SPEEDUP": "20"}
FAILS = {**FAST, "FAKE_SPARK_WORKER_FAILS": "java.net.BindException: Address already in use"}
ONE, TWO = contract.worker_task_id(1), contract.worker_task_id(2)
BAD_SCRIPT = {"name": "bad", "file": "node/scripts/00-bad", "run_on": "worker"}


def worker_status(cluster: FakeBatch, task_id: str = ONE) -> dict[str, Any]:
    """Read the state of a worker."""
    return cluster.get_json(contract.ClusterBlobs.worker(task_id)) or {}


def published(cluster: FakeBatch) -> dict[str, Any]:
    """Read what the master publishes of its workers."""
    return cluster.get_json(contract.ClusterBlobs.MASTER) or {}


def master_of(cluster: FakeBatch, **definition: Any) -> Task:
    """Start a master."""
    cluster.define(**definition)
    return cluster.start("master", contract.MASTER_TASK_ID, env=FAST)


# The worker beside the master


def test_a_worker_beside_the_master_that_keeps_failing_ends_the_cluster_with_the_reason(cluster: FakeBatch) -> None:
    cluster.define()
    master = cluster.start("master", contract.MASTER_TASK_ID, env=FAILS)
    assert master.wait(60) == contract.EXIT_WORKER_FAILED
    assert master.output.count("starting a worker") == 4
    kept = cluster.get(contract.ClusterBlobs.MASTER_LOG) or b""
    assert b"Address already in use" in b"\n".join(kept.splitlines()[-3:])
    assert b"at org.example" not in b"\n".join(kept.splitlines()[-3:])
    # Batch runs it three times more, which cannot help: each try ends at once, and the report stays.
    again = cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    assert again.wait(60) == contract.EXIT_WORKER_FAILED
    assert "starting a worker" not in again.output
    assert cluster.get(contract.ClusterBlobs.MASTER_LOG) == kept


def test_a_cluster_goes_on_without_the_worker_beside_the_master_where_min_workers_allows(cluster: FakeBatch) -> None:
    cluster.define(nodes=2, min_workers=1)
    cluster.start("worker", ONE, env=FAST)
    master = cluster.start("master", contract.MASTER_TASK_ID, env=FAILS)
    cluster.wait_for(lambda: published(cluster).get("workers") == 1, 60)
    found = published(cluster)
    assert (found["target_workers"], found["waiting_for_workers"]) == (2, False)
    (failed,) = found["failed_workers"]
    assert failed["task_id"] == contract.MASTER_TASK_ID
    assert any("Address already in use" in line for line in failed["last_lines"])
    assert master.process.poll() is None


def test_a_new_master_whose_own_worker_fails_keeps_the_other_workers(cluster: FakeBatch) -> None:
    first = master_of(cluster, nodes=2)
    worker = cluster.start("worker", ONE, env=FAST)
    cluster.wait_for(lambda: published(cluster).get("workers") == 2, 60)
    cluster.wait_for(lambda: len(list(cluster.container.list_blobs(contract.ClusterBlobs.RECOVERY_PREFIX))) >= 2)
    first.kill()
    second = cluster.start("master", contract.MASTER_TASK_ID, env=FAILS)
    cluster.wait_for(lambda: published(cluster).get("failed_workers") and published(cluster)["workers"] == 1, 60)
    assert published(cluster)["failed_workers"][0]["task_id"] == contract.MASTER_TASK_ID
    assert (second.process.poll(), worker.process.poll()) == (None, None)


def test_a_custom_script_that_fails_twice_alike_is_not_tried_four_times(cluster: FakeBatch) -> None:
    cluster.put("node/scripts/00-bad", b"echo alas; exit 7\n")
    cluster.define(scripts=[{**BAD_SCRIPT, "run_on": "master"}])
    tries = []
    for _ in range(3):
        tries.append(cluster.start("master", contract.MASTER_TASK_ID))
        assert tries[-1].wait(60) == contract.EXIT_SCRIPT_FAILED
    assert ["alas" in task.output for task in tries] == [True, True, False]


def test_an_image_without_spark_is_not_tried_again(cluster: FakeBatch) -> None:
    cluster.define()
    for expected in (True, False):
        task = cluster.start("master", contract.MASTER_TASK_ID, env={"SPARK_HOME": "/nonexistent"})
        assert task.wait(60) == contract.EXIT_BAD_INPUT
        assert ("master: SPARK_HOME" in task.output) is expected


# Workers on other nodes


def test_a_worker_on_another_node_that_keeps_failing_is_reported_and_blocks_nothing(cluster: FakeBatch) -> None:
    master_of(cluster, nodes=2, gate_timeout_seconds=300)
    worker = cluster.start("worker", ONE, env=FAILS)
    assert worker.wait(60) == contract.EXIT_WORKER_FAILED
    assert worker.output.count("starting a worker") == 4
    found = worker_status(cluster)
    assert (found["state"], found["exit_code"]) == ("failed", contract.EXIT_WORKER_FAILED)
    assert any("Address already in use" in line for line in found["last_lines"])
    assert not any(line.lstrip().startswith("at ") for line in found["last_lines"])
    assert cluster.secret not in str(found)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    assert gate.wait(30) == 0, "it does not wait for a worker that will not become available"
    assert "1 will not become available" in gate.output
    cluster.wait_for(lambda: published(cluster)["failed_workers"], 30)
    (failed,) = published(cluster)["failed_workers"]
    assert (failed["task_id"], failed["node_id"]) == (ONE, f"node-{worker.host}")
    assert (published(cluster)["workers"], published(cluster)["target_workers"]) == (1, 2)
    again = cluster.start("worker", ONE, host=worker.host, env=FAST)
    assert again.wait(60) == contract.EXIT_WORKER_FAILED
    assert "starting a worker" not in again.output
    # Azure Batch moves the task of a lost node to another one, where the worker may well run.
    cluster.start("worker", ONE, env=FAST)
    cluster.wait_for(lambda: worker_status(cluster)["state"] == "running")
    cluster.wait_for(lambda: published(cluster)["workers"] == 2, 40)
    assert published(cluster)["failed_workers"] == []


def test_a_preempted_worker_has_all_its_tries_again(cluster: FakeBatch) -> None:
    cluster.put_json(
        contract.ClusterBlobs.worker(ONE),
        {"task_id": ONE, "node_id": "gone", "host": "10.0.0.9", "state": "running", "attempt": 4},
    )
    cluster.put("node/scripts/00-bad", b"exit 3\n")
    cluster.define(nodes=2, scripts=[BAD_SCRIPT])
    assert cluster.start("worker", ONE, env=FAST).wait(60) == contract.EXIT_SCRIPT_FAILED
    assert (worker_status(cluster)["state"], worker_status(cluster)["attempt"]) == ("failing", 1)


def test_a_script_that_fails_on_a_worker_only_is_reported_with_its_output(cluster: FakeBatch) -> None:
    cluster.put("node/scripts/00-bad", b"echo no such package; exit 3\n")
    master_of(cluster, nodes=2, worker_on_master=True, scripts=[{**BAD_SCRIPT}], gate_timeout_seconds=300)
    # The master's node has a worker, so the script runs there as well: this is about the other node.
    first = cluster.start("worker", ONE, env=FAST)
    assert first.wait(60) == contract.EXIT_SCRIPT_FAILED
    assert worker_status(cluster)["state"] == "failing"
    assert cluster.start("worker", ONE, host=first.host, env=FAST).wait(60) == contract.EXIT_SCRIPT_FAILED
    found = worker_status(cluster)
    assert (found["state"], found["attempt"]) == ("failed", 2)
    assert "no such package" in found["last_lines"]


def test_a_worker_that_failed_once_and_then_runs_is_not_reported_as_failed(cluster: FakeBatch) -> None:
    cluster.put("node/scripts/00-bad", b"exit 3\n")
    cluster.define(nodes=2, scripts=[BAD_SCRIPT])
    assert cluster.start("worker", ONE, env=FAST).wait(60) == contract.EXIT_SCRIPT_FAILED
    cluster.define(nodes=2)
    cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.start("worker", ONE, env=FAST)
    cluster.wait_for(lambda: worker_status(cluster)["state"] == "running")
    cluster.wait_for(lambda: published(cluster).get("workers") == 2)
    assert published(cluster)["failed_workers"] == []


def test_a_cluster_without_any_possible_worker_ends(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=2, worker_on_master=False, gate_timeout_seconds=300)
    cluster.start("worker", ONE, env=FAILS)
    assert master.wait(60) == contract.EXIT_TOO_FEW_WORKERS
    kept = (cluster.get(contract.ClusterBlobs.MASTER_LOG) or b"").decode()
    assert "only 0 of 1 workers can become available" in kept
    assert "Address already in use" in kept.splitlines()[-1] or "Address already in use" in kept.splitlines()[-2]


# min_workers


def test_min_workers_ends_a_cluster_as_soon_as_too_few_are_possible(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=3, min_workers=3, gate_timeout_seconds=300)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    cluster.start("worker", ONE, env=FAST)
    cluster.start("worker", TWO, env=FAILS)
    assert master.wait(60) == contract.EXIT_TOO_FEW_WORKERS
    assert gate.process.poll() is None, "no application may run"
    kept = (cluster.get(contract.ClusterBlobs.MASTER_LOG) or b"").decode()
    assert "only 2 of 3 workers can become available, min_workers is 3" in kept
    assert f"{TWO} on node" in kept
    assert cluster.start("master", contract.MASTER_TASK_ID, env=FAST).wait(60) == contract.EXIT_TOO_FEW_WORKERS


def test_min_workers_ends_a_cluster_when_the_patience_is_over(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=3, min_workers=2, gate_timeout_seconds=3)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    found = cluster.wait_for(lambda: published(cluster))
    assert found["waiting_for_workers"] is True
    assert master.wait(60) == contract.EXIT_TOO_FEW_WORKERS
    assert gate.process.poll() is None
    assert b"1 of 3 workers became available within 3 s, min_workers is 2" in (
        cluster.get(contract.ClusterBlobs.MASTER_LOG) or b""
    )


def test_min_workers_opens_the_gate_once_there_are_as_many(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=3, min_workers=2, gate_timeout_seconds=6)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    cluster.wait_for(lambda: published(cluster))
    assert published(cluster)["waiting_for_workers"] is True
    cluster.start("worker", ONE, env=FAST)
    cluster.wait_for(lambda: published(cluster)["waiting_for_workers"] is False)
    assert gate.wait(60) == 0
    time.sleep(1)
    assert master.process.poll() is None


# What is remembered of a process
