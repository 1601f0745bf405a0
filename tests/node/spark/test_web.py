"""Spark's own pages are read."""

from __future__ import annotations

from airflow_provider_aztk.node.spark.web import WaitingApplication, master_view


def test_the_masters_page_is_read() -> None:
    page = {
        "status": "ALIVE",
        "workers": [
            {"host": "h", "port": 1, "cores": 2, "state": "ALIVE"},
            {"host": "i", "port": 2, "cores": 4, "state": "DEAD"},
        ],
        "activeapps": [{"id": "app-1"}],
    }
    seen = master_view(page)
    assert (seen.alive, seen.live_workers, seen.cores, seen.applications) == (True, 1, 2, {"app-1"})
    assert seen.has_worker("h", 1)
    assert not seen.has_worker("i", 2)


def test_only_an_application_without_cores_waits() -> None:
    apps = [
        {"id": "a", "state": "WAITING", "cores": 0, "memoryperexecutor": 7},
        {"id": "b", "state": "WAITING", "cores": 1, "memoryperexecutor": 7},
        {"id": "c", "state": "RUNNING", "cores": 0, "memoryperexecutor": 7},
    ]
    assert master_view({"activeapps": apps}).waiting == (WaitingApplication("a", 7),)
