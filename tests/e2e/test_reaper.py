"""A DAG run that is out of time skips its teardown; the reaper finds the cluster that it left."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from airflow_deployment import airflow

if TYPE_CHECKING:
    from tests.e2e.airflow_stack import AirflowStack

pytestmark = pytest.mark.slow


def command(airflow_stack: AirflowStack, *arguments: str) -> list[dict[str, Any]]:
    """Call ``airflow aztk clusters`` and return what it lists."""
    done = subprocess.run(
        airflow("aztk", "clusters", *arguments, "--output", "json"),
        env=airflow_stack.airflow.env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_reaper_removes_what_a_timed_out_run_left(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.start("e2e_too_long", seconds=300)
    assert airflow_stack.airflow.wait_for_run("e2e_too_long", run_id) == "failed"
    cluster_id = airflow_stack.xcoms("e2e_too_long", run_id, "spark.create_cluster")["cluster_id"]
    assert any(cluster_id in what for what in airflow_stack.local_stack.left()), (
        "the teardown was skipped, as Airflow does"
    )

    listed = {row["id"]: row for row in command(airflow_stack, "list")}
    assert listed[cluster_id]["run is over"] == "yes"
    assert listed[cluster_id]["run"] == run_id
    would = [row["id"] for row in command(airflow_stack, "reap", "--min-age", "0")]
    assert would == [cluster_id]
    assert any(cluster_id in what for what in airflow_stack.local_stack.left()), "without --yes nothing is removed"

    assert [row["id"] for row in command(airflow_stack, "reap", "--min-age", "0", "--yes")] == [cluster_id]

    airflow_stack.wait_for(
        lambda: not any(cluster_id in what for what in airflow_stack.local_stack.left()), "the cluster is gone"
    )


@pytest.mark.parametrize("arguments", [("list", "--conn-id", "nobody"), ("reap", "--conn-id", "cluster_user")])
def test_a_wrong_connection_is_reported_in_one_line(airflow_stack: AirflowStack, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        airflow("aztk", "clusters", *arguments),
        env=airflow_stack.airflow.env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("airflow aztk: ")]
    assert ("nobody" if "nobody" in arguments else "its type is ssh, not aztk") in line
