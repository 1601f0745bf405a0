"""Workers that will not start are reported, and with min_workers they fail the cluster or job."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import AsyncClient, errors, models
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # processes that fail again and again

WAIT = {"timeout": 90, "poll_interval": 0.5}


@pytest.fixture
def bad_on_one(tmp_path: Path) -> models.CustomScript:
    """A script that fails for one of the workers only."""
    path = tmp_path / "bad.sh"
    path.write_text('if [ "$AZ_BATCH_TASK_ID" = aztk-worker-001 ]; then echo no such package; exit 3; fi\n')
    return models.CustomScript(script=str(path))


def test_a_worker_that_fails_for_good_is_reported_by_both_clients(
    client: Client, stack: LocalStack, cluster_id: str, bad_on_one: models.CustomScript
) -> None:
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=2, custom_scripts=[bad_on_one])
    made = client.create_cluster(conf)
    assert (made.workers, made.target_workers) == (0, 2)
    assert client.wait_until_cluster_is_ready(cluster_id, **WAIT).is_ready
    end = time.monotonic() + 60
    found = client.get_cluster(cluster_id)
    while not any(worker.last_lines for worker in found.failed_workers):
        assert time.monotonic() < end, found
        time.sleep(0.3)
        found = client.get_cluster(cluster_id)
    assert (found.workers, found.target_workers, found.is_ready) == (1, 2, True)
    (failed,) = found.failed_workers
    assert (failed.task_id, "exit code 3" in failed.message) == ("aztk-worker-001", True)
    assert "no such package" in failed.last_lines
    assert failed.node_id in {node["id"] for node in found.nodes}
    assert asyncio.run(_get(stack, cluster_id)).failed_workers == found.failed_workers


def test_min_workers_fails_a_cluster_with_the_last_words(
    client: Client, cluster_id: str, bad_on_one: models.CustomScript
) -> None:
    conf = models.ClusterConfiguration(
        cluster_id=cluster_id, vm_count=2, custom_scripts=[bad_on_one], min_workers=2
    )  # fmt: skip
    with pytest.raises(errors.ClusterFailedError, match="only 1 of 2 workers can become available") as caught:
        client.create_cluster(conf, wait=True, **WAIT)
    assert caught.value.code == "TooFewWorkers"
    assert "no such package" in str(caught.value)


def test_min_workers_ends_a_job_before_any_application_runs(
    client: Client, cluster_id: str, bad_on_one: models.CustomScript, write_program: Callable[..., str]
) -> None:
    conf = models.JobConfiguration(
        id=cluster_id,
        applications=[models.ApplicationConfiguration(name="app", application=write_program("print('ran')"))],
        max_dedicated_nodes=2,
        custom_scripts=[bad_on_one],
        min_workers=2,
    )
    client.submit_job(conf)
    job = client.wait_until_job_finished(cluster_id, **WAIT)
    assert (job.outcome, job.failure and job.failure.code) == (models.Outcome.FAILED, "TooFewWorkers")
    assert "no such package" in str(job.failure)
    assert job.applications["app"] is None or job.applications["app"].start_time is None


async def _get(stack: LocalStack, cluster_id: str) -> models.Cluster:
    async with AsyncClient(secrets_of(stack)) as client:
        return await client.get_cluster(cluster_id)
