"""Nodes that are lost or taken away: what ran elsewhere goes on, what ran there is run again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import Client, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # a node that is lost, and what comes for it, take their time

WAIT = {"timeout": 90, "poll_interval": 0.5}
SLEEPER = "import sys, time\nprint('begin', flush=True)\ntime.sleep(float(sys.argv[1]))\nprint('end', flush=True)\n"


def started(client: Client, cluster_id: str, *names: str) -> dict[str, models.Application]:
    """Wait until all of these drivers wrote their first line."""
    end = time.monotonic() + 60
    while not all(b"begin" in client.read_log(cluster_id, name).data for name in names):
        assert time.monotonic() < end
        time.sleep(0.3)
    return {name: client.get_application(cluster_id, name) for name in names}


def submit(client: Client, cluster_id: str, program: str, *names: str, seconds: int, retries: int = 0) -> None:
    client.submit_all_applications(
        cluster_id,
        [
            models.ApplicationConfiguration(
                name=name, application=program, application_args=[str(seconds)], max_retry_count=retries
            )
            for name in names
        ],
    )


def test_the_masters_node_is_lost(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=3)
    first = client.create_cluster(conf, wait=True, **WAIT)
    names = [f"app-{index}" for index in range(6)]
    submit(client, cluster_id, write_program(SLEEPER), *names, seconds=30)
    apps = started(client, cluster_id, *names)
    elsewhere = [name for name, app in apps.items() if app.node_id != first.master_node_id]
    there = [name for name in names if name not in elsewhere]
    assert elsewhere
    assert there
    assert first.pool_id is not None
    assert first.master_node_id is not None
    stack.admin.fail_node(first.pool_id, first.master_node_id)
    done = {name: client.wait_until_application_done(cluster_id, name, **WAIT) for name in names}
    for name in elsewhere:
        assert (done[name].outcome, done[name].retry_count) == (models.Outcome.SUCCESS, 0)
        assert done[name].node_id == apps[name].node_id
        assert client.get_application_log(cluster_id, name).log.count("begin") == 1
    for name in there:  # run again on another node; that is no retry
        assert (done[name].outcome, done[name].retry_count) == (models.Outcome.SUCCESS, 0)
        assert client.get_application_log(cluster_id, name).log.count("begin") == 2
    again = client.wait_until_cluster_is_ready(cluster_id, **WAIT)
    assert again.master_node_id != first.master_node_id


def test_a_preempted_spot_node_comes_back_to_work(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_low_pri_count=2)
    cluster = client.create_cluster(conf, wait=True, **WAIT)
    worker = next(node["id"] for node in cluster.nodes if node["id"] != cluster.master_node_id)
    assert cluster.pool_id is not None
    stack.admin.preempt(cluster.pool_id, worker, restore_after=1)
    assert client.wait_until_cluster_is_ready(cluster_id, **WAIT).is_ready  # the master lives, so the cluster does
    submit(client, cluster_id, write_program(SLEEPER), "app", seconds=0)
    assert client.wait_until_application_done(cluster_id, "app", **WAIT).outcome is models.Outcome.SUCCESS


def test_an_idle_limit_spares_a_driver_without_a_spark_context(
    client: Client, cluster_id: str, write_program: Callable[..., str]
) -> None:
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1, idle_timeout=4)
    client.create_cluster(conf)
    submit(client, cluster_id, write_program("# fake-spark: no spark context\n" + SLEEPER), "driver", seconds=15)
    done = client.wait_until_application_done(cluster_id, "driver", **WAIT)
    assert done.outcome is models.Outcome.SUCCESS
    end = time.monotonic() + 60
    while client.get_cluster(cluster_id).state is not models.ClusterState.ENDED:
        assert time.monotonic() < end
        time.sleep(0.5)
