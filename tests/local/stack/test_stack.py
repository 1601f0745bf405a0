"""The command line: how a stack starts, what it says, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m

from airflow_provider_aztk.local.stack.stack import STACK_VARIABLE
from airflow_provider_aztk.local.testing import LocalStack, run_stack
from tests.local.support import UP, auto_pool, eventually, finished, make_client, pool_options, read_file, start

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # seconds each

#: A shell, a child that left the session, and one that dropped its environment as well.
CONTAINER_HOLDER = (
    "/bin/sh -c 'setsid sleep 600 & env -i setsid /bin/sh -c \"sleep 600; : $AZ_BATCH_TASK_DIR\" & sleep 600'"
)


def of_stack(data_dir: str) -> set[int]:
    """Find the processes that a stack started, by what is in their environment or on their command line."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if data_dir.encode() in text:
            found.add(int(entry.name))
    return found


def run_something(stack: LocalStack) -> None:
    """Let a task run that hides a child."""
    with make_client(stack) as batch:
        batch.create_pool(pool_options("p", target_dedicated_nodes=1))
        batch.create_job(m.BatchJobCreateOptions(id="j", pool_info=m.BatchPoolInfo(pool_id="p")))
        batch.create_task("j", m.BatchTaskCreateOptions(id="t", command_line=CONTAINER_HOLDER))
        for number in range(3):  # these must not start when the first is ended
            batch.create_task("j", m.BatchTaskCreateOptions(id=f"q{number}", command_line=CONTAINER_HOLDER))
        eventually(lambda: batch.get_task("j", "t").state == "running")
    eventually(lambda: len(of_stack(stack.data_dir)) >= 5)  # two shells, two sleeps, the guardian


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], LocalStack]]:
    """A stack of the test's own."""
    process, said = start(*getattr(request, "param", ["--no-blob"]))
    with process:
        yield process, LocalStack(**said, pid=process.pid)
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(started: tuple[subprocess.Popen[str], LocalStack], number: int) -> None:
    process, stack = started
    run_something(stack)
    process.send_signal(number)
    assert process.wait(60) == 0
    assert of_stack(stack.data_dir) == set()
    assert not Path(stack.data_dir).exists()


def test_a_stray_of_a_task_that_ended_by_itself_ends_with_the_stack(
    started: tuple[subprocess.Popen[str], LocalStack],
) -> None:
    process, stack = started
    line = f"""/bin/sh -c 'env -i setsid /bin/sh -c "sleep 600; : {stack.data_dir}" & sleep 0.3'"""
    with make_client(stack) as batch:
        batch.create_pool(pool_options("p", target_dedicated_nodes=1))
        batch.create_job(m.BatchJobCreateOptions(id="j", pool_info=m.BatchPoolInfo(pool_id="p")))
        batch.create_task("j", m.BatchTaskCreateOptions(id="t", command_line=line))
        assert finished(batch, "j", "t").execution_info.exit_code == 0
    process.terminate()
    assert process.wait(60) == 0
    assert of_stack(stack.data_dir) == set()


@pytest.mark.parametrize("started", [[]], indirect=True)
def test_even_killed_it_leaves_nothing(started: tuple[subprocess.Popen[str], LocalStack]) -> None:
    process, stack = started
    run_something(stack)
    process.kill()
    process.wait()
    eventually(lambda: not of_stack(stack.data_dir) and not Path(stack.data_dir).exists())


def test_it_can_end_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "print(p.pid, p.stdout.readline(), flush=True)\n"
    )
    command = [sys.executable, "-c", script, *UP, "--no-blob", "--exit-with-parent"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    pid, _, said = done.stdout.partition(" ")
    assert json.loads(said)["batch_endpoint"]
    eventually(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])


def test_what_it_says_when_it_is_ready(aztk_local: LocalStack) -> None:
    connection = json.loads(aztk_local.airflow_conn)
    assert connection == {
        "conn_type": "aztk",
        "host": aztk_local.batch_endpoint,
        "login": aztk_local.batch_account,
        "password": aztk_local.batch_key,
        "extra": {
            "storage_account_name": aztk_local.blob_account,
            "storage_access_key": aztk_local.blob_key,
            "storage_service_url": aztk_local.blob_endpoint,
        },
    }
    assert aztk_local.blob_endpoint
    assert aztk_local.blob_endpoint.endswith(f"/{aztk_local.blob_account}")
    assert aztk_local.batch_key not in repr(aztk_local)


def test_ports_account_and_key_can_be_chosen_and_blobs_left_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    key = "c2VjcmV0" * 8
    with run_stack("--no-blob", "--batch-port", str(port), "--batch-account", "mine", "--batch-key", key) as stack:
        assert stack.batch_endpoint == f"http://127.0.0.1:{port}"
        assert (stack.batch_account, stack.batch_key) == ("mine", key)
        assert (stack.blob_endpoint, stack.blob_account, stack.blob_key) == (None, None, None)
        assert json.loads(stack.airflow_conn)["extra"] == {}
        with make_client(stack) as batch:
            assert list(batch.list_pools()) == []


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*UP, "--no-blob", "--batch-port", port], capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert "address already in use" in done.stderr.splitlines()[-1].lower()


def test_a_missing_node_is_one_clear_line(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": str(tmp_path), "AZTK_LOCAL_AZURITE_DIR": str(tmp_path / "none")}
    for command in (UP, [*UP[:-1], "install"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        assert "node was not found; install it with: " in done.stderr.splitlines()[-1]


def test_a_directory_of_ones_own_is_kept(tmp_path: Path) -> None:
    with run_stack("--no-blob", "--data-dir", str(tmp_path)) as stack, make_client(stack) as batch:
        batch.create_pool(pool_options("p", target_dedicated_nodes=1))
        batch.create_job(m.BatchJobCreateOptions(id="j", pool_info=m.BatchPoolInfo(pool_id="p")))
        batch.create_task("j", m.BatchTaskCreateOptions(id="t", command_line="pwd"))
        finished(batch, "j", "t")
        assert read_file(batch, "j", "t").startswith(str(tmp_path))
    assert list(tmp_path.glob("nodes/*"))


def test_the_stand_in_for_spark_is_what_container_tasks_get() -> None:
    """And with ``--no-strict-azure`` their options are of no matter, nor is a subnet."""
    subnet = m.NetworkConfiguration(subnet_id="/subscriptions/s/subnets/n")
    with run_stack("--no-blob", "--fake-spark", "--no-strict-azure") as stack, make_client(stack) as batch:
        info = auto_pool(containers=True, target_dedicated_nodes=1, network_configuration=subnet)
        batch.create_job(m.BatchJobCreateOptions(id="j", pool_info=info))
        container = m.BatchTaskContainerSettings(image_name="spark", container_run_options="--gpus all")
        line = "/bin/sh -c 'echo $SPARK_HOME; ls -l $SPARK_HOME/bin'"
        batch.create_task("j", m.BatchTaskCreateOptions(id="t", command_line=line, container_settings=container))
        assert finished(batch, "j", "t").execution_info.exit_code == 0
        said = read_file(batch, "j", "t").splitlines()
    assert said[0].startswith(stack.data_dir)
    assert any(entry.startswith("-rwx") and entry.endswith(" spark-class") for entry in said)


def test_two_stacks_share_no_address(aztk_local: LocalStack) -> None:
    found: list[set[str]] = []
    with run_stack("--no-blob") as other:
        for stack in (aztk_local, other):
            with make_client(stack) as batch:
                batch.create_pool(pool_options("side-by-side", target_dedicated_nodes=3))
                eventually(lambda b=batch: len(list(b.list_nodes("side-by-side"))) == 3)
                found.append({node.ip_address.rpartition(".")[0] for node in batch.list_nodes("side-by-side")})
                batch.begin_delete_pool("side-by-side")
    assert found[0].isdisjoint(found[1])


def test_the_mark_of_a_stack_is_in_its_tasks(aztk_local: LocalStack) -> None:
    assert STACK_VARIABLE == "AZTK_LOCAL_STACK_ID"  # others find leftovers by it


def test_two_installations_at_once_make_one(tmp_path: Path) -> None:
    """With a stand-in for npm, which counts how often it is asked."""
    tools = tmp_path / "bin"
    tools.mkdir()
    npm = tools / "npm"
    npm.write_text(
        "#!/bin/sh\nsleep 0.5\nmkdir -p node_modules/azurite/dist/src/blob\n"
        f"touch node_modules/azurite/dist/src/blob/main.js\necho x >> {tmp_path}/calls\n"
    )
    npm.chmod(0o755)
    (tools / "node").write_text("#!/bin/sh\necho v20.1.0\n")
    (tools / "node").chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "AZTK_LOCAL_AZURITE_DIR": str(tmp_path / "azurite")}
    results: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                subprocess.run([*UP[:-1], "install"], env=env, capture_output=True, timeout=60, check=False).returncode
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0, 0, 0]
    assert (tmp_path / "calls").read_text() == "x\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".azurite.lock", "azurite", "bin", "calls"]
