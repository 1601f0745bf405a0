"""Tasks as processes: where they run, with what environment, and that nothing of them is left."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m

from airflow_provider_aztk.local.testing import run_stack
from tests.local.support import auto_pool, eventually, finished, make_client, pool_options, read_file, ready_nodes

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

#: Starts a child in its session, one that left the session, and one that left it twice; tells their ids.
FAMILY = r"""
import os, sys, time
def child(leave):
    pid = os.fork()
    if pid == 0:
        for _ in range(leave):
            os.setsid()
            if os.fork():
                os._exit(0)
        print(os.getpid(), flush=True)
        time.sleep(600)
    return pid
for leave in (0, 1, 2):
    child(leave)
print(os.getpid(), flush=True)
time.sleep(float(sys.argv[1]))
"""


def family(seconds: float) -> m.BatchTaskCreateOptions:
    """Describe a task with children that hide."""
    line = shlex.join([sys.executable, "-c", FAMILY, str(seconds)])
    return m.BatchTaskCreateOptions(id="family", command_line=line)


def alive(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def members(batch: BatchClient, job: str) -> list[int]:
    """Wait until the whole family has told its ids."""

    def told() -> list[int] | None:
        try:
            pids = [int(line) for line in read_file(batch, job, "family").split()]
        except Exception:
            return None
        return pids if len(pids) == 4 else None

    return eventually(told)


@pytest.mark.wire("guessed")
def test_a_terminated_task_leaves_no_process(batch: BatchClient, job: str) -> None:
    batch.create_task(job, family(600))
    pids = members(batch, job)
    assert all(alive(pid) for pid in pids)
    batch.terminate_task(job, "family")
    assert not any(alive(pid) for pid in pids)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "zombies were left"
    assert batch.get_task(job, "family").execution_info.exit_code == 137


@pytest.mark.wire("guessed")
def test_a_child_that_dropped_session_and_environment_goes_with_its_task(batch: BatchClient, job: str) -> None:
    line = "/bin/sh -c 'env -i setsid sleep 600 & echo $!; sleep 600'"
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line=line))
    eventually(lambda: batch.get_task(job, "t").state == m.BatchTaskState.RUNNING)
    hidden = int(eventually(lambda: read_file(batch, job, "t").strip()))
    assert alive(hidden)
    batch.terminate_task(job, "t")
    assert not alive(hidden)


def sleepers(seconds: str) -> list[int]:
    """Find the processes that sleep for just so long."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if entry.read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(int(entry.parent.name))
    return found


@pytest.mark.wire("guessed")
@pytest.mark.parametrize("attempt", range(3))  # it is a race
def test_a_child_that_comes_while_its_task_is_ended_goes_with_it(batch: BatchClient, job: str, attempt: int) -> None:
    seconds = f"600.{uuid.uuid4().int % 10**9}"
    forks = f"env -i setsid /bin/sh -c 'for i in $(seq 2000); do sleep {seconds} & done; wait'"
    batch.create_task(job, m.BatchTaskCreateOptions(id="forks", command_line=shlex.join(["/bin/sh", "-c", forks])))
    eventually(lambda: len(sleepers(seconds)) > 20)
    batch.terminate_task(job, "forks")
    assert sleepers(seconds) == []


@pytest.mark.wire("guessed")
def test_a_task_that_ends_by_itself_leaves_no_process(batch: BatchClient, job: str) -> None:
    batch.create_task(job, family(1))
    pids = members(batch, job)
    assert finished(batch, job, "family").execution_info.exit_code == 0
    assert not any(alive(pid) for pid in pids)


@pytest.mark.wire("documented")
def test_the_environment_of_a_task_is_only_what_it_should_be(
    batch: BatchClient, aztk_local: LocalStack, pool: str
) -> None:
    common = [m.EnvironmentSetting(name="COMMON", value="1"), m.EnvironmentSetting(name="BOTH", value="job")]
    batch.create_job(
        m.BatchJobCreateOptions(id=pool, pool_info=m.BatchPoolInfo(pool_id=pool), common_environment_settings=common)
    )
    own = [m.EnvironmentSetting(name="BOTH", value="task"), m.EnvironmentSetting(name="AZ_BATCH_POOL_ID", value="x")]
    line = "env -0"
    batch.create_task(pool, m.BatchTaskCreateOptions(id="t", command_line=line, environment_settings=own))
    task = finished(batch, pool, "t")
    env = dict(entry.split("=", 1) for entry in read_file(batch, pool, "t").rstrip("\0").split("\0"))
    node = batch.get_node(pool, task.node_info.node_id)
    root = Path(env["AZ_BATCH_NODE_ROOT_DIR"])
    assert env["AZ_BATCH_ACCOUNT_NAME"] == aztk_local.batch_account
    assert env["AZ_BATCH_ACCOUNT_URL"] == f"{aztk_local.batch_endpoint}/"
    assert (env["AZ_BATCH_JOB_ID"], env["AZ_BATCH_TASK_ID"]) == (pool, "t")
    assert (env["AZ_BATCH_POOL_ID"], env["AZ_BATCH_NODE_ID"]) == (pool, node.id)
    assert env["AZ_BATCH_NODE_IS_DEDICATED"] == "true"
    assert Path(env["AZ_BATCH_TASK_DIR"]) == root / "workitems" / pool / "job-1" / "t"
    assert env["AZ_BATCH_TASK_WORKING_DIR"] == env["HOME"]
    assert Path(env["AZ_BATCH_NODE_SHARED_DIR"]) == root / "shared"
    assert env["SPARK_LOCAL_IP"] == node.ip_address
    assert node.ip_address.startswith("127.")
    assert node.ip_address != "127.0.0.1"
    assert (env["COMMON"], env["BOTH"]) == ("1", "task")
    assert "SPARK_HOME" not in env
    assert env["SSL_CERT_FILE"] == aztk_local.entra["ca_file"]
    ours = {"PATH", "HOME", "SPARK_LOCAL_IP", "SSL_CERT_FILE", "COMMON", "BOTH"}
    ours |= {"AZTK_LOCAL_RUN_ID", "AZTK_LOCAL_STACK_ID"}
    inherited = {"LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"}
    rest = {name for name in env if not name.startswith("AZ_BATCH_")} - ours - inherited
    assert rest == set()
    assert not any(aztk_local.batch_key in value for value in env.values())


@pytest.mark.wire("guessed")
def test_a_container_task_has_what_a_spark_image_brings(name: str) -> None:
    info = auto_pool(containers=True, target_dedicated_nodes=1)
    container = m.BatchTaskContainerSettings(image_name="spark")
    line = (
        """python3 -c 'import os, pyspark; print(os.environ["SPARK_HOME"]); print(os.path.dirname(pyspark.__file__))'"""
    )
    with run_stack("--no-blob") as stack, make_client(stack) as batch:
        batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=info))
        batch.create_task(name, m.BatchTaskCreateOptions(id="t", command_line=line, container_settings=container))
        task = finished(batch, name, "t")
        spark_home, package = read_file(batch, name, "t").split()
    assert spark_home == os.path.realpath(package)
    assert task.execution_info.container_info.container_id


@pytest.mark.wire("documented")
def test_container_settings_go_with_container_pools(batch: BatchClient, job: str, name: str) -> None:
    from azure.core.exceptions import HttpResponseError

    container = m.BatchTaskContainerSettings(image_name="spark")
    with pytest.raises(HttpResponseError, match="properties in the request body"):
        batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line="true", container_settings=container))
    batch.create_pool(pool_options(f"{name}-c", containers=True))
    batch.create_job(m.BatchJobCreateOptions(id=f"{name}-c", pool_info=m.BatchPoolInfo(pool_id=f"{name}-c")))
    with pytest.raises(HttpResponseError, match="properties in the request body"):
        batch.create_task(f"{name}-c", m.BatchTaskCreateOptions(id="t", command_line="true"))
    batch.begin_delete_job(f"{name}-c")
    batch.begin_delete_pool(f"{name}-c")


@pytest.mark.wire("documented")
def test_the_command_is_not_run_by_a_shell(batch: BatchClient, job: str) -> None:
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line="echo $HOME 'a b' | cat"))
    finished(batch, job, "t")
    assert read_file(batch, job, "t") == "$HOME a b | cat\n"


@pytest.mark.wire("documented")
def test_output_is_readable_while_a_task_runs(batch: BatchClient, job: str) -> None:
    line = "/bin/sh -c 'echo early; sleep 600'"
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line=line))
    eventually(lambda: batch.get_task(job, "t").state == "running")
    eventually(lambda: read_file(batch, job, "t") == "early\n")
    assert batch.get_task(job, "t").state == "running"


@pytest.mark.wire("documented")
@pytest.mark.parametrize(("exit_codes", "state"), [("0", "idle"), ("1 0", "idle"), ("1 1", "starttaskfailed")])
def test_start_tasks_with_retries(batch: BatchClient, name: str, exit_codes: str, state: str) -> None:
    first, _, second = exit_codes.partition(" ")
    # The startup directory is made anew for each try; the node's shared directory stays.
    script = (
        f"test -e $AZ_BATCH_NODE_SHARED_DIR/x && exit {second or 0}; touch $AZ_BATCH_NODE_SHARED_DIR/x; exit {first}"
    )
    start = m.BatchStartTask(command_line=f"/bin/sh -c '{script}'", wait_for_success=True, max_task_retry_count=1)
    batch.create_pool(pool_options(name, target_dedicated_nodes=1, start_task=start))
    node = eventually(lambda: next((n for n in batch.list_nodes(name) if n.state == state), None))
    info = node.start_task_info
    assert (info.state, info.retry_count) == ("completed", len(exit_codes.split()) - 1)
    assert info.result == ("success" if state == "idle" else "failure")
    if state != "idle":
        assert info.failure_info.code == "FailureExitCode"
    assert b"".join(batch.download_node_file(name, node.id, "startup/stdout.txt")) == b""
    batch.begin_delete_pool(name)


@pytest.mark.wire("documented")
def test_a_node_waits_for_its_start_task_only_when_told(batch: BatchClient, name: str) -> None:
    for suffix, wait, state in (("a", True, "waitingforstarttask"), ("b", False, "idle")):
        start = m.BatchStartTask(command_line="sleep 600", wait_for_success=wait)
        batch.create_pool(pool_options(name + suffix, target_dedicated_nodes=1, start_task=start))
        eventually(lambda s=suffix, w=state: [n.state.value for n in batch.list_nodes(name + s)] == [w])
        eventually(lambda s=suffix: [n.start_task_info.state.value for n in batch.list_nodes(name + s)] == ["running"])
    for suffix in "ab":
        batch.begin_delete_pool(name + suffix, polling_interval=0.05).result()


@pytest.mark.wire("guessed")
def test_a_start_task_that_nobody_waits_for_goes_with_its_node(batch: BatchClient, name: str) -> None:
    line = "/bin/sh -c 'echo $$; exec sleep 600'"
    start = m.BatchStartTask(command_line=line, wait_for_success=False)
    batch.create_pool(pool_options(name, target_dedicated_nodes=1, start_task=start))
    (node,) = ready_nodes(batch, name, 1)
    path = "startup/stdout.txt"
    pid = int(eventually(lambda: b"".join(batch.download_node_file(name, node.id, path)).strip()))
    assert alive(pid)
    batch.begin_delete_pool(name, polling_interval=0.05).result()
    assert not alive(pid)


@pytest.mark.wire("guessed")
def test_a_file_with_a_name_that_is_no_text(batch: BatchClient, job: str) -> None:
    line = """/bin/sh -c 'printf hi > "$(printf "caf\\351")"'"""
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", command_line=line))
    finished(batch, job, "t")
    names = [entry.url for entry in batch.list_task_files(job, "t", recursive=True) if "wd/" in entry.name]
    assert [url.rpartition("/")[2] for url in names] == ["caf%E9"]


def test_every_node_has_an_address_of_its_own(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, target_dedicated_nodes=30))
    nodes = ready_nodes(batch, name, 30)
    assert len({node.ip_address for node in nodes}) == 30
    batch.begin_delete_pool(name)
