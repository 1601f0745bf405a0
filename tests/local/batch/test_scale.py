"""Many clusters and many tasks on a small machine."""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.batch import models as m

from airflow_provider_aztk.local.testing import run_stack
from tests.local.support import auto_pool, eventually, make_client

pytestmark = pytest.mark.slow

CLUSTERS = 50
CONTAINER = m.BatchTaskContainerSettings(image_name="spark")
BUSY = "/bin/sh -c 'sleep 600 & setsid sleep 600 & exec sleep 600'"


def test_fifty_clusters_come_and_go() -> None:
    manager = m.BatchJobManagerTask(
        id="master", command_line=BUSY, container_settings=CONTAINER, required_slots=5, run_exclusive=False
    )
    worker = m.BatchTaskCreateOptions(
        id="worker", command_line="sleep 600", container_settings=CONTAINER, required_slots=5
    )
    info = auto_pool(containers=True, target_dedicated_nodes=2, task_slots_per_node=8)
    with run_stack("--no-blob") as stack, make_client(stack) as batch:

        def start(number: int) -> None:
            job_id = f"cluster-{number}"
            batch.create_job(m.BatchJobCreateOptions(id=job_id, pool_info=info, job_manager_task=manager))
            batch.create_task(job_id, worker)
            eventually(lambda: batch.get_job_task_counts(job_id).task_counts.running == 2)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(start, range(CLUSTERS)))
        state = stack.admin.state()
        assert (state["jobs"], state["nodes"], len(state["processes"])) == (CLUSTERS, 2 * CLUSTERS, 2 * CLUSTERS)
        addresses = {node.ip_address for pool in batch.list_pools() for node in batch.list_nodes(pool.id)}
        assert len(addresses) == 2 * CLUSTERS
        for number in range(CLUSTERS):
            batch.begin_delete_job(f"cluster-{number}")
        eventually(lambda: not any(stack.admin.state()[what] for what in ("jobs", "pools", "nodes", "processes")))


def test_the_cost_of_tasks_is_linear_and_memory_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[3] / "benchmarks" / "emulator.py"
    spec = importlib.util.spec_from_file_location("emulator_benchmark", path)
    assert spec
    assert spec.loader
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    monkeypatch.setattr(sys, "argv", [str(path), "1000", "4000"])
    assert benchmark.main() == 0
