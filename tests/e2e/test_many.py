"""Several at once: two runs of a DAG, and many mapped applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.slow

MAPPED = 50


def test_two_runs_at_once(shared: World) -> None:
    runs = [shared.start("e2e_app", seconds=4, text=f"run {number}") for number in (1, 2)]

    states = [shared.airflow.wait_for_run("e2e_app", run_id) for run_id in runs]

    assert states == ["success", "success"]
    names = [shared.xcoms("e2e_app", run_id)["return_value"]["name"] for run_id in runs]
    assert len(set(names)) == 2
    for number, run_id in enumerate(runs, start=1):
        assert f"app begins run {number}" in shared.text("e2e_app", run_id)


@pytest.mark.timeout(600)
def test_many_mapped_applications(shared: World) -> None:
    run_id = shared.start("e2e_mapped", count=MAPPED)

    assert shared.airflow.wait_for_run("e2e_mapped", run_id, timeout=540) == "success"

    tasks = [task for task in shared.airflow.tasks("e2e_mapped", run_id) if task["task_id"] == "app"]
    assert [task["state"] for task in tasks] == ["success"] * MAPPED
    digest = run_id.partition("__")[2][:19].replace("-", "").replace(":", "")
    apps = [app.name for app in shared.client.list_cluster_applications(shared.cluster_id) if digest in app.name]
    assert len(apps) == MAPPED, "one submission each"
    assert "app begins number 49" in shared.text("e2e_mapped", run_id, map_index=49)
