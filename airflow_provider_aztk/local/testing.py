"""A pytest plugin: a running local stack as a fixture.

Put ``pytest_plugins = ["airflow_provider_aztk.local.testing"]`` into your ``conftest.py`` and ask for
``aztk_local_stack`` (one for the session) or ``aztk_local`` (the same; injected faults are removed after the test).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.local.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LocalStack", "aztk_local", "aztk_local_options", "aztk_local_stack", "run_stack"]

_STOP_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """Where a running stack is, and with which keys.

    ``airflow_conn`` is the Airflow connection as JSON, ``web_page`` an address for a browser, ``entra`` what is needed
    to sign in with Entra ID (see docs/local-stack.md).
    """

    batch_endpoint: str
    batch_account: str
    batch_key: str = field(repr=False)
    airflow_conn: str = field(repr=False)
    data_dir: str
    web_page: str
    blob_endpoint: str | None = None
    blob_account: str | None = None
    blob_key: str | None = field(default=None, repr=False)
    entra: dict[str, Any] = field(default_factory=dict, repr=False)
    pid: int = 0

    @property
    def admin(self) -> AdminClient:
        """The client that injects faults."""
        return AdminClient(self.batch_endpoint, self.batch_account, self.batch_key)


@contextmanager
def run_stack(*arguments: str) -> Iterator[LocalStack]:
    """Run a stack of one's own as a child process.

    :param arguments: of ``aztk-local up``.
    :raises RuntimeError: it did not start; its log is on stderr.
    """
    command = [sys.executable, "-m", "airflow_provider_aztk.local", "up", "--json", "--exit-with-parent", *arguments]
    # A session of its own, so that Ctrl-C reaches the tests first and the stack is stopped in order.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the local stack did not start, exit code {process.wait()}")
            yield LocalStack(**json.loads(line), pid=process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()  # its guardian sweeps up


@pytest.fixture(scope="session")
def aztk_local_options() -> list[str]:
    """Return arguments for ``aztk-local up``; override it to have others."""
    return []


@pytest.fixture(scope="session")
def aztk_local_stack(aztk_local_options: list[str]) -> Iterator[LocalStack]:
    """Run one stack for all tests of the session."""
    with run_stack(*aztk_local_options) as stack:
        yield stack


@pytest.fixture
def aztk_local(aztk_local_stack: LocalStack) -> Iterator[LocalStack]:
    """Return the session's stack for one test; remove all injected faults after it."""
    yield aztk_local_stack
    aztk_local_stack.admin.clear()
