"""Run child processes that never outlive this one."""

from __future__ import annotations

import contextlib
import os
import pkgutil
import signal
import subprocess
import sys
import time
from typing import Iterator, List, Mapping, Optional

__all__ = ["Child", "running"]

TERM_GRACE = 10.0


class Child:
    """A child process in a session of its own, under a guard (:mod:`airflow_provider_aztk.node.process.guard`).

    :param command: program and arguments
    :param env: its whole environment
    :param cwd: its working directory
    :param private_dir: directory that the guard removes should this process be killed
    :param capture: read stdout and stderr together from :attr:`output` instead of passing them on
    """

    def __init__(
        self,
        command: List[str],
        env: Mapping[str, str],
        cwd: Optional[str] = None,
        private_dir: str = "",
        capture: bool = False,
    ) -> None:
        status_read, status_write = os.pipe()
        self._status = status_read
        guard = [sys.executable, "-I", "-S", "-c", _guard_source(), str(status_write), private_dir]
        try:
            self._process = subprocess.Popen(
                guard + command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if capture else None,
                stderr=subprocess.STDOUT if capture else None,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                pass_fds=(status_write,),
            )
        finally:
            os.close(status_write)
        self.output = self._process.stdout
        self._code: Optional[int] = None

    @property
    def pid(self) -> int:
        """Return the id of the guard, which is also the id of the process group."""
        return self._process.pid

    def poll(self) -> Optional[int]:
        """Return the exit code (128 + n for a signal), or None while it runs."""
        return self.wait(0.0)

    def wait(self, seconds: float) -> Optional[int]:
        """Wait for the end at most so long; return the exit code or None."""
        if self._code is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                self._finish()
        return self._code

    def send(self, signum: int) -> None:
        """Send a signal to the whole process group, if it is still there."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signum)

    def stop(self, grace: float = TERM_GRACE) -> int:
        """End the whole group: SIGTERM, and after the grace SIGKILL. Return the exit code."""
        self.send(signal.SIGTERM)
        if self.wait(grace) is None:
            self.send(signal.SIGKILL)
        while self.wait(1.0) is None:
            time.sleep(0.01)
        assert self._code is not None
        return self._code

    def _finish(self) -> None:
        status = os.read(self._status, 16)
        os.close(self._status)
        assert self._process.stdin is not None
        self._process.stdin.close()
        # Without a status the guard itself was killed, and the child with it.
        self._code = int(status) if status else 128 + signal.SIGKILL


@contextlib.contextmanager
def running(child: Child, grace: float = TERM_GRACE) -> Iterator[Child]:
    """End the child, whatever happens inside."""
    try:
        yield child
    finally:
        child.stop(grace)


def _guard_source() -> str:
    source = pkgutil.get_data("airflow_provider_aztk.node.process", "guard.py")
    assert source is not None
    return source.decode()
