"""An application whose executors no worker can hold ends; one that waits for its turn does not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.spark.placement import Placement, misfit
from airflow_provider_aztk.node.spark.web import ApplicationView, MasterView, Wish, WorkerView, view_of

if TYPE_CHECKING:
    from pathlib import Path

    from node_harness import FakeBatch

HASTE = {"AZTK_NODE_HASTE": "20"}
WORKER = WorkerView("h", 1, True, 4, 12 * 1024)
IDS = frozenset({"app-1"})


def waiting(memory_mb: int, *workers: WorkerView) -> MasterView:
    """Make a master with one application that waits."""
    return MasterView("ALIVE", workers or (WORKER,), IDS, (ApplicationView("app-1", memory_mb),))


@pytest.mark.parametrize(
    ("memory_mb", "wish", "said"),
    [
        (400 * 1024, Wish(), "it asks for 400 GiB of memory an executor, the largest worker offers 12 GiB"),
        (12 * 1024, Wish(cores=4), ""),
        (1024, Wish(cores=5), "it asks for 5 cores an executor, the largest worker offers 4"),
        (1024, Wish(cores=4, most_cores=2), "it asks for 4 cores an executor, and for at most 2 in all"),
        (1024, Wish(most_cores=2), ""),
    ],
)
def test_what_does_not_fit_is_named(memory_mb: int, wish: Wish, said: str) -> None:
    assert misfit(ApplicationView("app-1", memory_mb), wish, WORKER.memory_mb, WORKER.cores) == said


def test_it_is_told_at_once_and_ended_after_a_while() -> None:
    told: list[str] = []
    placement = Placement(300.0, told.append)
    assert not placement.look(0.0, waiting(400 * 1024), IDS, Wish())
    assert len(told) == 1
    assert "400 GiB" in told[0]
    assert not placement.look(299.0, waiting(400 * 1024), IDS, Wish())
    assert "400 GiB" in placement.look(300.0, waiting(400 * 1024), IDS, Wish())
    assert len(told) == 1


@pytest.mark.parametrize(
    "view",
    [
        waiting(1024),
        None,
        MasterView("RECOVERING", (WORKER,), IDS, (ApplicationView("app-1", 400 * 1024),)),
        MasterView("ALIVE", (WORKER,), IDS, (ApplicationView("app-2", 400 * 1024),)),
        MasterView("ALIVE", (), IDS, (ApplicationView("app-1", 400 * 1024),)),
        MasterView("ALIVE", (WorkerView("h", 1, False, 4, 1),), IDS, (ApplicationView("app-1", 400 * 1024),)),
    ],
)
def test_what_only_waits_or_is_not_known_is_left_alone(view: MasterView | None) -> None:
    told: list[str] = []
    placement = Placement(1.0, told.append)
    assert not any(placement.look(now, view, IDS, Wish()) for now in (0.0, 1e3, 1e6))
    assert told == []


def test_a_large_worker_that_is_away_may_come_back() -> None:
    placement = Placement(1.0, lambda text: None)
    placement.look(0.0, waiting(11 * 1024), IDS, Wish())
    small = WorkerView("i", 1, True, 4, 1024)
    assert not any(placement.look(now, waiting(11 * 1024, small), IDS, Wish()) for now in (1.0, 1e6))


def test_without_a_limit_it_is_only_told() -> None:
    told: list[str] = []
    placement = Placement(None, told.append)
    assert not any(placement.look(now, waiting(400 * 1024), IDS, Wish()) for now in (0.0, 1e6))
    assert len(told) == 1


def test_only_an_application_without_cores_waits() -> None:
    apps = [
        {"id": "a", "state": "WAITING", "cores": 0, "memoryperexecutor": 7},
        {"id": "b", "state": "WAITING", "cores": 1, "memoryperexecutor": 7},
        {"id": "c", "state": "RUNNING", "cores": 0, "memoryperexecutor": 7},
    ]
    assert view_of({"activeapps": apps}).waiting == (ApplicationView("a", 7),)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"executor_memory": "400g"}, {"executor_cores": 4096}])
def test_a_driver_whose_executors_cannot_be_placed_ends_with_the_reason(
    cluster: FakeBatch, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "app.py"
    path.write_text("import time\ntime.sleep(600)\n")
    cluster.define()
    cluster.start("master", contract.MASTER_TASK_ID, env=HASTE)
    cluster.wait_for_master()
    cluster.submit("app", path, executor_timeout_seconds=3, **options)
    driver = cluster.start("driver", "app", env=HASTE)
    cluster.wait_for(lambda: b"no worker can hold an executor" in cluster.log("app"), 30)
    assert driver.wait(60) == contract.EXIT_NO_EXECUTOR
    found = cluster.get_json(contract.app_result_blob("app")) or {}
    assert (found["outcome"], "an executor, the largest worker offers" in found["message"]) == ("failed", True)
    assert b"an executor, the largest worker offers" in cluster.log("app").splitlines()[-1]


@pytest.mark.slow
def test_a_driver_whose_executors_fit_is_not_ended(cluster: FakeBatch, tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text("import time\ntime.sleep(4)\nprint('done')\n")
    cluster.define()
    cluster.start("master", contract.MASTER_TASK_ID, env=HASTE)
    cluster.wait_for_master()
    cluster.submit("app", path, executor_timeout_seconds=1, executor_memory="512m")
    started = time.monotonic()
    assert cluster.start("driver", "app", env=HASTE).wait(60) == 0
    assert time.monotonic() - started > 3
