"""An application whose executors no worker can hold ends; one that waits for its turn does not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.spark.placement import PlacementMonitor, placement_error
from airflow_provider_aztk.node.spark.web import ExecutorRequest, MasterView, WaitingApplication, WorkerView

if TYPE_CHECKING:
    from pathlib import Path

    from tests.node.harness import FakeBatch

FAST = {"AZTK_NODE_SPEEDUP": "20"}
WORKER = WorkerView("h", 1, True, 4, 12 * 1024)
IDS = frozenset({"app-1"})


def waiting(memory_mb: int, *workers: WorkerView) -> MasterView:
    """Make a master with one application that waits."""
    return MasterView("ALIVE", workers or (WORKER,), IDS, (WaitingApplication("app-1", memory_mb),))


@pytest.mark.parametrize(
    ("memory_mb", "asked", "error"),
    [
        (400 * 1024, ExecutorRequest(), "it asks for 400 GiB of memory an executor, the largest worker offers 12 GiB"),
        (12 * 1024, ExecutorRequest(cores=4), ""),
        (1024, ExecutorRequest(cores=5), "it asks for 5 cores an executor, the largest worker offers 4"),
        (1024, ExecutorRequest(cores=4, max_cores=2), "it asks for 4 cores an executor, and for at most 2 in all"),
        (1024, ExecutorRequest(max_cores=2), ""),
    ],
)
def test_what_no_worker_can_hold_is_named(memory_mb: int, asked: ExecutorRequest, error: str) -> None:
    assert placement_error(WaitingApplication("app-1", memory_mb), asked, WORKER.memory_mb, WORKER.cores) == error


def test_an_application_that_cannot_be_placed_is_reported_at_once_and_ends_after_a_while() -> None:
    reported: list[str] = []
    monitor = PlacementMonitor(300.0, reported.append)
    assert not monitor.check(0.0, waiting(400 * 1024), IDS, ExecutorRequest())
    assert len(reported) == 1
    assert "400 GiB" in reported[0]
    assert not monitor.check(299.0, waiting(400 * 1024), IDS, ExecutorRequest())
    assert "400 GiB" in monitor.check(300.0, waiting(400 * 1024), IDS, ExecutorRequest())
    assert len(reported) == 1


@pytest.mark.parametrize(
    "view",
    [
        waiting(1024),
        None,
        MasterView("RECOVERING", (WORKER,), IDS, (WaitingApplication("app-1", 400 * 1024),)),
        MasterView("ALIVE", (WORKER,), IDS, (WaitingApplication("app-2", 400 * 1024),)),
        MasterView("ALIVE", (), IDS, (WaitingApplication("app-1", 400 * 1024),)),
        MasterView("ALIVE", (WorkerView("h", 1, False, 4, 1),), IDS, (WaitingApplication("app-1", 400 * 1024),)),
    ],
)
def test_an_application_that_only_waits_or_is_not_known_is_left_alone(view: MasterView | None) -> None:
    reported: list[str] = []
    monitor = PlacementMonitor(1.0, reported.append)
    assert not any(monitor.check(now, view, IDS, ExecutorRequest()) for now in (0.0, 1e3, 1e6))
    assert reported == []


def test_a_large_worker_that_is_lost_may_come_back() -> None:
    monitor = PlacementMonitor(1.0, lambda text: None)
    monitor.check(0.0, waiting(11 * 1024), IDS, ExecutorRequest())
    small = WorkerView("i", 1, True, 4, 1024)
    assert not any(monitor.check(now, waiting(11 * 1024, small), IDS, ExecutorRequest()) for now in (1.0, 1e6))


def test_an_application_without_a_limit_is_only_reported() -> None:
    reported: list[str] = []
    monitor = PlacementMonitor(None, reported.append)
    assert not any(monitor.check(now, waiting(400 * 1024), IDS, ExecutorRequest()) for now in (0.0, 1e6))
    assert len(reported) == 1


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"executor_memory": "400g"}, {"executor_cores": 4096}])
def test_a_driver_whose_executors_cannot_be_placed_ends_with_the_reason(
    cluster: FakeBatch, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "app.py"
    path.write_text("import time\ntime.sleep(600)\n")
    cluster.define()
    cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.wait_for_master()
    cluster.submit("app", path, executor_timeout_seconds=3, **options)
    driver = cluster.start("driver", "app", env=FAST)
    cluster.wait_for(lambda: b"no worker can hold an executor" in cluster.log("app"), 30)
    assert driver.wait(60) == contract.EXIT_NO_EXECUTOR
    found = cluster.get_json(contract.ApplicationBlobs("app").result) or {}
    assert (found["outcome"], "an executor, the largest worker offers" in found["message"]) == ("failed", True)
    assert b"an executor, the largest worker offers" in cluster.log("app").splitlines()[-1]


@pytest.mark.slow
def test_a_driver_whose_executors_fit_is_not_ended(cluster: FakeBatch, tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text("import time\ntime.sleep(4)\nprint('done')\n")
    cluster.define()
    cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.wait_for_master()
    cluster.submit("app", path, executor_timeout_seconds=1, executor_memory="512m")
    started = time.monotonic()
    assert cluster.start("driver", "app", env=FAST).wait(60) == 0
    assert time.monotonic() - started > 3
