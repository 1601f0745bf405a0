"""Nodes as they are on Azure: without our environment, in docker's own network, with a full disk."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import AsyncClient, Client, errors, models
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # real nodes of the emulator: seconds each

WAIT = {"timeout": 60, "poll_interval": 0.2}


@pytest.mark.skipif(os.path.exists("/sys/class/net/docker0"), reason="docker's network shows that this is its host")
def test_a_cluster_whose_host_networking_is_ignored_fails_and_says_so(
    client: Client, stack: LocalStack, cluster_id: str
) -> None:
    stack.admin.host_network_ignored()
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    with pytest.raises(errors.ClusterFailedError, match=r"host networking was not applied.*container_run_options"):
        client.wait_until_cluster_is_ready(cluster_id, **WAIT)
    assert client.get_cluster(cluster_id).spark_master_url is None


@pytest.mark.skipif(sys.platform != "linux", reason="the address is found out as on Linux")
def test_a_cluster_runs_on_nodes_that_bring_no_environment(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    stack.admin.node_environment(remove=["SPARK_LOCAL_IP", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"])
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    program = write_program("import os\nprint('home', os.access(os.environ['HOME'], os.W_OK))\n")
    client.submit(cluster_id, models.ApplicationConfiguration(name="a", application=program))
    done = client.wait_until_application_done(cluster_id, "a", **WAIT)
    assert done.outcome is models.Outcome.SUCCESS
    assert "home True" in client.get_application_log(cluster_id, "a").log
    assert str(client.get_cluster(cluster_id).spark_master_url).startswith("spark://127.0.0.1:")


def test_a_cluster_whose_only_node_has_a_full_disk_fails_and_says_so(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    cluster = client.wait_until_cluster_is_ready(cluster_id, **WAIT)
    program = write_program("import time\nprint('begin', flush=True)\ntime.sleep(600)\n")
    client.submit(cluster_id, models.ApplicationConfiguration(name="a", application=program))
    wait_for_log(client, cluster_id, "a", b"begin")
    stack.admin.disk_full(str(cluster.pool_id), str(cluster.master_node_id))
    for wait in (client.wait_until_cluster_is_ready, client.wait_until_applications_done):
        with pytest.raises(errors.ClusterFailedError, match="DiskFull: There is not enough disk space") as caught:
            wait(cluster_id, **WAIT)
        assert caught.value.code == "DiskFull"
    with pytest.raises(errors.ClusterFailedError, match="DiskFull"):
        client.wait_until_application_done(cluster_id, "a", **WAIT)
    assert client.get_cluster(cluster_id).state is models.ClusterState.FAILED
    assert asyncio.run(start_failure(stack, cluster_id)) == "DiskFull", "sensors, triggers and operators wait so"


async def start_failure(stack: LocalStack, cluster_id: str) -> str | None:
    async with AsyncClient(secrets_of(stack)) as aio:
        failure = await (await aio.get_snapshots([cluster_id]))[cluster_id].start_failure()
    return failure and failure.code


def test_containers_are_removed_and_do_not_fill_the_disk(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    stack.admin.disk_holds(0)
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    client.submit(cluster_id, models.ApplicationConfiguration(name="a", application=write_program("pass\n")))
    assert client.wait_until_application_done(cluster_id, "a", **WAIT).outcome is models.Outcome.SUCCESS
    assert client.get_cluster(cluster_id).state is models.ClusterState.READY


@pytest.mark.parametrize("moves", [False, True])
def test_a_script_that_fails_once_finds_a_clean_directory_when_it_is_tried_again(
    client: Client, stack: LocalStack, cluster_id: str, tmp_path: Path, moves: bool
) -> None:
    stack.admin.retries_move(enabled=moves)
    once = tmp_path / "once"
    script = tmp_path / "setup.sh"
    script.write_text(f"mkdir made || exit 3\ntest -e {once} || {{ touch {once}; exit 4; }}\n")
    conf = models.ClusterConfiguration(
        cluster_id=cluster_id, vm_count=1, custom_scripts=[models.CustomScript(script=str(script), run_on="master")]
    )
    client.create_cluster(conf)
    assert client.wait_until_cluster_is_ready(cluster_id, **WAIT).is_ready


def wait_for_log(client: Client, cluster_id: str, name: str, text: bytes) -> None:
    end = time.monotonic() + 60
    while text not in client.read_log(cluster_id, name).data:
        assert time.monotonic() < end
        time.sleep(0.2)
