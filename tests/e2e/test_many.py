"""Several at once: two runs of a DAG, and many mapped applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.airflow_stack import AirflowStack

pytestmark = pytest.mark.slow

MAPPED = 50


def test_two_runs_at_once(shared_cluster: AirflowStack) -> None:
    runs = [shared_cluster.start("e2e_app", seconds=4, text=f"run {number}") for number in (1, 2)]

    states = [shared_cluster.airflow.wait_for_run("e2e_app", run_id) for run_id in runs]

    assert states == ["success", "success"]
    names = [shared_cluster.xcoms("e2e_app", run_id)["return_value"]["name"] for run_id in runs]
    assert len(set(names)) == 2
    for number, run_id in enumerate(runs, start=1):
        assert f"app begins run {number}" in shared_cluster.text("e2e_app", run_id)


@pytest.mark.timeout(600)
def test_many_mapped_applications(shared_cluster: AirflowStack) -> None:
    run_id = shared_cluster.start("e2e_mapped", count=MAPPED)

    assert shared_cluster.airflow.wait_for_run("e2e_mapped", run_id, timeout=540) == "success"

    tasks = [task for task in shared_cluster.airflow.tasks("e2e_mapped", run_id) if task["task_id"] == "app"]
    assert [task["state"] for task in tasks] == ["success"] * MAPPED
    digest = run_id.partition("__")[2][:19].replace("-", "").replace(":", "")
    apps = [
        app.name
        for app in shared_cluster.client.list_cluster_applications(shared_cluster.cluster_id)
        if digest in app.name
    ]
    assert len(apps) == MAPPED, "one submission each"
    assert "app begins number 49" in shared_cluster.text("e2e_mapped", run_id, map_index=49)
