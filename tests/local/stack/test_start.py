"""What keeps a stack from starting is reported at once, in a line with its fix, before it says that it is ready."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.local.stack.lock import DirectoryInUseError, DirectoryLock
from tests.local.support import UP, eventually, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # each test starts a stack, or fails to


def refused(*arguments: str, **env: str) -> list[str]:
    """Start a stack that cannot be, and return the lines that it ends with."""
    done = subprocess.run(
        [*UP, *arguments], capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **env}
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert all(line.startswith("aztk-local: ") for line in lines), lines
    return [line.removeprefix("aztk-local: ") for line in lines]


def program(path: Path, *lines: str) -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("home", ["missing", "empty", "not-executable", "file"])
def test_a_spark_home_that_is_none(tmp_path: Path, home: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name in ("spark-class", "spark-submit"):
        program(tmp_path / "not-executable" / "bin" / name).chmod(0o644)
    (said,) = refused("--no-blob", "--spark-home", str(tmp_path / home))
    assert said.startswith(f"--spark-home {tmp_path / home}: no Spark, bin/spark-class")
    assert "name the directory that has bin/spark-class" in said


def test_no_pyspark() -> None:
    hide = "import sys; sys.modules['pyspark'] = None; from airflow_provider_aztk.local.__main__ import main; "
    hide += "sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", hide, "up", "--no-blob"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'airflow-provider-aztk[local]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_java(tmp_path: Path) -> None:
    (said,) = refused("--no-blob", PATH=str(tmp_path), JAVA_HOME="")
    assert said.startswith("java was not found; install it with: ")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["echo 'openjdk version \"11.0.2\" 2019' >&2"], "is Java 11, and Spark needs 17 or later"),
        (["echo 'java version \"1.8.0_292\"' >&2"], "is Java 8, and Spark needs 17 or later"),
        (["echo 'No Java runtime present' >&2", "exit 1"], "cannot be run; install Java with: "),
    ],
)
def test_a_java_that_will_not_do(tmp_path: Path, lines: list[str], told: str) -> None:
    java = program(tmp_path / "bin" / "java", *lines)
    (said,) = refused("--no-blob", JAVA_HOME=str(tmp_path))
    assert said.startswith(f"JAVA_HOME: {java} ")
    assert told in said


@pytest.mark.parametrize(("says", "told"), [("v12.22.0", "needs 18 or later"), ("", "cannot be run")])
def test_a_node_that_will_not_do(tmp_path: Path, says: str, told: str) -> None:
    node = program(tmp_path / "node", f"echo {says}")
    (said,) = refused("--no-spark", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert said.startswith(str(node))
    assert told in said


def test_no_blobs_need_no_node_and_no_spark_needs_no_java(tmp_path: Path) -> None:
    process, said = start("--no-blob", "--no-spark", env={**os.environ, "PATH": str(tmp_path), "JAVA_HOME": "/none"})
    with process:
        assert said["batch_endpoint"]
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize("beside", ["taken", "70000", "-1"])
@pytest.mark.parametrize("option", ["--batch-port", "--blob-port"])
def test_a_port_that_cannot_be(option: str, beside: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1]) if beside == "taken" else beside
        (said,) = refused("--no-spark", f"{option}={port}")
    assert said.startswith(f"{option} {port}: ")
    assert "leave " in said


def test_a_directory_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        (said,) = refused("--no-blob", "--no-spark", "--data-dir", str(directory))
        assert said.startswith(f"--data-dir {directory}: ")
        assert "in which you may write" in said


def test_all_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    wrong = ["--batch-account", "No Name", "--batch-key", "#", "--batch-port", "8", "--blob-port", "8"]
    said = refused(*wrong, "--fake-spark", "--no-spark", PATH=str(tmp_path))
    firsts = [line.split()[0] for line in said]
    assert firsts == ["--batch-account", "--batch-key:", "--blob-port", "--no-spark:", "node"]


# -- one stack for a directory


def test_a_second_stack_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    options = ["--no-blob", "--no-spark", "--data-dir"]
    process, said = start(*options, str(tmp_path / "d"))
    with process:
        (tmp_path / "link").symlink_to(tmp_path / "d")
        for path in ("d", "link"):
            (line,) = refused(*options, str(tmp_path / path))
            assert line.startswith(
                f"--data-dir {tmp_path / 'd'}: in use by another local stack (process {process.pid})"
            )
        assert "another directory" in line
        with socket.create_connection(("127.0.0.1", int(said["batch_endpoint"].rpartition(":")[2])), timeout=5):
            pass  # the first goes on
        process.terminate()
        assert process.wait(60) == 0
    again, _ = start(*options, str(tmp_path / "d"))
    with again:
        again.terminate()
        assert again.wait(60) == 0


def test_of_two_at_the_same_moment_one_starts(tmp_path: Path) -> None:
    command = [*UP, "--no-blob", "--no-spark", "--data-dir", str(tmp_path)]
    both: list[Any] = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    eventually(lambda: sum(process.poll() is not None for process in both) == 1)
    (loser,) = [process for process in both if process.poll() is not None]
    (winner,) = [process for process in both if process is not loser]
    assert winner.stdout.readline().startswith("{")
    assert f"(process {winner.pid})" in loser.communicate()[1]
    winner.terminate()
    winner.communicate(timeout=60)
    assert (loser.returncode, winner.returncode) == (1, 0)


def test_a_killed_stack_leaves_its_directory_free(tmp_path: Path) -> None:
    options = ["--no-blob", "--no-spark", "--data-dir", str(tmp_path)]
    process, _ = start(*options)
    with process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    again, said = start(*options)  # at once: it waits until the guardian of the first has swept up
    with again:
        assert said["data_dir"] == str(tmp_path)
        again.terminate()
        assert again.wait(60) == 0


@pytest.mark.parametrize("left", ["", "1\n", "999999999\n", "no number"])
def test_what_an_earlier_process_wrote_is_harmless(tmp_path: Path, left: str) -> None:
    (tmp_path / ".aztk-local.lock").write_text(left)
    lock = DirectoryLock(tmp_path)
    lock.take()
    assert (tmp_path / ".aztk-local.lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(DirectoryInUseError, match=rf"process {os.getpid()}\)"):
        DirectoryLock(tmp_path).take()
    lock.release()
    DirectoryLock(tmp_path).take()


def test_one_waits_for_what_a_killed_stack_has_left(tmp_path: Path) -> None:
    """The lock is still held, by a guardian, and the process that the file names is gone."""
    lock = DirectoryLock(tmp_path)
    lock.take()
    (tmp_path / ".aztk-local.lock").write_text("999999999\n")
    timer = threading.Timer(0.5, lock.release)
    timer.start()
    other = DirectoryLock(tmp_path)
    other.take()
    timer.join()
    other.release()
