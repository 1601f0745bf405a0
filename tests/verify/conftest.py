"""A run of ``verify`` against a local stack with the light stand-in for Spark."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aztk.local.testing import LocalStack

#: Seconds that a run waits here for what never happens.
PATIENCE = "12"


@pytest.fixture(scope="session")
def running_stack(aztk_local_stack: LocalStack) -> LocalStack:
    return aztk_local_stack


@pytest.fixture
def stack(running_stack: LocalStack) -> Iterator[LocalStack]:
    """The session's stack; after the test all trouble is taken back."""
    yield running_stack
    running_stack.admin.clear()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(stack: LocalStack, tmp_path: Path) -> Iterator[Start]:
    """Start the command line; what still runs after the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, code: str | None = None, **env: str) -> subprocess.Popen[str]:
        command = ["-c", code] if code else ["-m", "airflow_provider_aztk", "verify", "--yes", "--patience", PATIENCE]
        process = subprocess.Popen(
            [sys.executable, *command, "--output", str(tmp_path / "report"), *arguments],
            env={**os.environ, "AIRFLOW_CONN_AZTK_DEFAULT": stack.airflow_conn, **env},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """Read what a process says until a line has a word, and return all of it."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(f"it ended without {word!r}: {said}")


def nothing_left(stack: LocalStack) -> None:
    """Check that the account has no pool, job or process of a task, now or soon."""
    end = time.monotonic() + 60
    while (state := stack.admin.state()) and (state["pools"] or state["jobs"] or state["processes"]):
        assert time.monotonic() < end, state
        time.sleep(0.2)
