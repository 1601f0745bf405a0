"""Workers that do not come: nobody waits for them for ever, and everybody is told why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract, saidlast

if TYPE_CHECKING:
    from node_harness import FakeBatch, Task

pytestmark = pytest.mark.slow  # processes that fail again and again

HASTE = {"AZTK_NODE_HASTE": "20"}
FAILS = {**HASTE, "FAKE_SPARK_WORKER_FAILS": "java.net.BindException: Address already in use"}
ONE, TWO = contract.worker_task_id(1), contract.worker_task_id(2)
BAD_SCRIPT = {"name": "bad", "file": "node/scripts/00-bad", "run_on": "worker"}


def note(cluster: FakeBatch, task_id: str = ONE) -> dict[str, Any]:
    """Read a worker's note."""
    return cluster.get_json(contract.worker_blob(task_id)) or {}


def told(cluster: FakeBatch) -> dict[str, Any]:
    """Read what the master tells of its workers."""
    return cluster.get_json(contract.MASTER_BLOB) or {}


def master_of(cluster: FakeBatch, **definition: Any) -> Task:
    """Start a master."""
    cluster.define(**definition)
    return cluster.start("master", contract.MASTER_TASK_ID, env=HASTE)


# The worker beside the master


def test_a_worker_beside_the_master_that_only_ends_ends_the_cluster_and_says_why(cluster: FakeBatch) -> None:
    cluster.define()
    master = cluster.start("master", contract.MASTER_TASK_ID, env=FAILS)
    assert master.wait(60) == contract.EXIT_WORKER_FAILED
    assert master.output.count("starting a worker") == 4
    kept = cluster.get(contract.MASTER_LOG_BLOB) or b""
    assert b"Address already in use" in b"\n".join(kept.splitlines()[-3:])
    assert b"at org.example" not in b"\n".join(kept.splitlines()[-3:])
    # Batch runs it three times more, which cannot help: each of them ends at once, and what was said stays.
    again = cluster.start("master", contract.MASTER_TASK_ID, env=HASTE)
    assert again.wait(60) == contract.EXIT_WORKER_FAILED
    assert "starting a worker" not in again.output
    assert cluster.get(contract.MASTER_LOG_BLOB) == kept


def test_a_cluster_that_may_do_without_the_worker_beside_the_master_does(cluster: FakeBatch) -> None:
    cluster.define(nodes=2, min_workers=1)
    cluster.start("worker", ONE, env=HASTE)
    master = cluster.start("master", contract.MASTER_TASK_ID, env=FAILS)
    cluster.wait_for(lambda: told(cluster).get("workers") == 1, 60)
    found = told(cluster)
    assert (found["target_workers"], found["waiting_for_workers"]) == (2, False)
    (failed,) = found["failed_workers"]
    assert failed["task_id"] == contract.MASTER_TASK_ID
    assert any("Address already in use" in line for line in failed["last_lines"])
    assert master.process.poll() is None


def test_a_new_master_whose_own_worker_fails_keeps_the_cluster_that_works(cluster: FakeBatch) -> None:
    first = master_of(cluster, nodes=2)
    worker = cluster.start("worker", ONE, env=HASTE)
    cluster.wait_for(lambda: told(cluster).get("workers") == 2, 60)
    cluster.wait_for(lambda: len(list(cluster.container.list_blobs(contract.RECOVERY_PREFIX))) >= 2)
    first.kill()
    second = cluster.start("master", contract.MASTER_TASK_ID, env=FAILS)
    cluster.wait_for(lambda: told(cluster).get("failed_workers") and told(cluster)["workers"] == 1, 60)
    assert told(cluster)["failed_workers"][0]["task_id"] == contract.MASTER_TASK_ID
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


def test_a_worker_on_another_node_that_only_ends_says_so_and_holds_nobody_up(cluster: FakeBatch) -> None:
    master_of(cluster, nodes=2, gate_timeout_seconds=300)
    worker = cluster.start("worker", ONE, env=FAILS)
    assert worker.wait(60) == contract.EXIT_WORKER_FAILED
    assert worker.output.count("starting a worker") == 4
    found = note(cluster)
    assert (found["state"], found["exit_code"]) == ("failed", contract.EXIT_WORKER_FAILED)
    assert any("Address already in use" in line for line in found["last_lines"])
    assert not any(line.lstrip().startswith("at ") for line in found["last_lines"])
    assert cluster.secret not in str(found)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    assert gate.wait(30) == 0, "it waits for nobody who will not come"
    assert "1 will not come" in gate.output
    cluster.wait_for(lambda: told(cluster)["failed_workers"], 30)
    (failed,) = told(cluster)["failed_workers"]
    assert (failed["task_id"], failed["node_id"]) == (ONE, f"node-{worker.host}")
    assert (told(cluster)["workers"], told(cluster)["target_workers"]) == (1, 2)
    again = cluster.start("worker", ONE, host=worker.host, env=HASTE)
    assert again.wait(60) == contract.EXIT_WORKER_FAILED
    assert "starting a worker" not in again.output
    # Azure Batch puts the task of a node that is gone on another one, where the worker may well run.
    cluster.start("worker", ONE, env=HASTE)
    cluster.wait_for(lambda: note(cluster)["state"] == "running")
    cluster.wait_for(lambda: told(cluster)["workers"] == 2, 40)
    assert told(cluster)["failed_workers"] == []


def test_preemptions_are_no_failures(cluster: FakeBatch) -> None:
    cluster.put_json(
        contract.worker_blob(ONE),
        {"task_id": ONE, "node_id": "gone", "host": "10.0.0.9", "state": "running", "attempt": 4},
    )
    cluster.put("node/scripts/00-bad", b"exit 3\n")
    cluster.define(nodes=2, scripts=[BAD_SCRIPT])
    assert cluster.start("worker", ONE, env=HASTE).wait(60) == contract.EXIT_SCRIPT_FAILED
    assert (note(cluster)["state"], note(cluster)["attempt"]) == ("failing", 1)


def test_a_script_that_fails_on_a_worker_only_is_told_with_its_output(cluster: FakeBatch) -> None:
    cluster.put("node/scripts/00-bad", b"echo no such package; exit 3\n")
    master_of(cluster, nodes=2, worker_on_master=True, scripts=[{**BAD_SCRIPT}], gate_timeout_seconds=300)
    # The master's node has a worker, so the script runs there as well: this is about the other node.
    first = cluster.start("worker", ONE, env=HASTE)
    assert first.wait(60) == contract.EXIT_SCRIPT_FAILED
    assert note(cluster)["state"] == "failing"
    assert cluster.start("worker", ONE, host=first.host, env=HASTE).wait(60) == contract.EXIT_SCRIPT_FAILED
    found = note(cluster)
    assert (found["state"], found["attempt"]) == ("failed", 2)
    assert "no such package" in found["last_lines"]


def test_a_worker_that_failed_once_and_then_runs_is_none_that_failed(cluster: FakeBatch) -> None:
    cluster.put("node/scripts/00-bad", b"exit 3\n")
    cluster.define(nodes=2, scripts=[BAD_SCRIPT])
    assert cluster.start("worker", ONE, env=HASTE).wait(60) == contract.EXIT_SCRIPT_FAILED
    cluster.define(nodes=2)
    cluster.start("master", contract.MASTER_TASK_ID, env=HASTE)
    cluster.start("worker", ONE, env=HASTE)
    cluster.wait_for(lambda: note(cluster)["state"] == "running")
    cluster.wait_for(lambda: told(cluster).get("workers") == 2)
    assert told(cluster)["failed_workers"] == []


def test_a_cluster_none_of_whose_workers_can_come_ends(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=2, worker_on_master=False, gate_timeout_seconds=300)
    cluster.start("worker", ONE, env=FAILS)
    assert master.wait(60) == contract.EXIT_TOO_FEW_WORKERS
    kept = (cluster.get(contract.MASTER_LOG_BLOB) or b"").decode()
    assert "only 0 of 1 workers can come" in kept
    assert "Address already in use" in kept.splitlines()[-1] or "Address already in use" in kept.splitlines()[-2]


# min_workers


def test_min_workers_ends_a_cluster_as_soon_as_too_few_can_come(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=3, min_workers=3, gate_timeout_seconds=300)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    cluster.start("worker", ONE, env=HASTE)
    cluster.start("worker", TWO, env=FAILS)
    assert master.wait(60) == contract.EXIT_TOO_FEW_WORKERS
    assert gate.process.poll() is None, "no application may run"
    kept = (cluster.get(contract.MASTER_LOG_BLOB) or b"").decode()
    assert "only 2 of 3 workers can come, min_workers is 3" in kept
    assert f"{TWO} on node" in kept
    assert cluster.start("master", contract.MASTER_TASK_ID, env=HASTE).wait(60) == contract.EXIT_TOO_FEW_WORKERS


def test_min_workers_ends_a_cluster_when_the_patience_is_over(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=3, min_workers=2, gate_timeout_seconds=3)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    found = cluster.wait_for(lambda: told(cluster))
    assert found["waiting_for_workers"] is True
    assert master.wait(60) == contract.EXIT_TOO_FEW_WORKERS
    assert gate.process.poll() is None
    assert b"1 of 3 workers came within 3 s, min_workers is 2" in (cluster.get(contract.MASTER_LOG_BLOB) or b"")


def test_min_workers_opens_the_gate_with_what_came(cluster: FakeBatch) -> None:
    master = master_of(cluster, nodes=3, min_workers=2, gate_timeout_seconds=6)
    gate = cluster.start("gate", contract.GATE_TASK_ID)
    cluster.wait_for(lambda: told(cluster))
    assert told(cluster)["waiting_for_workers"] is True
    cluster.start("worker", ONE, env=HASTE)
    cluster.wait_for(lambda: told(cluster)["waiting_for_workers"] is False)
    assert gate.wait(60) == 0
    time.sleep(1)
    assert master.process.poll() is None


# What is remembered of a process


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one\n\ntwo\n", ["one", "two"]),
        ("cause\n\tat a.b(C.java)\n\t... 12 more\nCaused by: x\n    at y\n", ["cause", "Caused by: x"]),
        ("the s3cret is\n", ["the *** is"]),
        ("x" * 1000, ["x" * saidlast.WIDTH]),
        ("", []),
    ],
)
def test_an_excerpt_is_the_last_words_without_frames_and_secrets(text: str, found: list[str]) -> None:
    assert saidlast.excerpt(text, ["s3cret", ""]) == found
    assert saidlast.excerpt("a\n" * 100, lines=3) == ["a"] * 3
