"""Start processes that cannot outlive this one, and stop them with everything they have started.

Each runs in a session of its own, so that Ctrl-C reaches only us and we stop them in order; each carries a marker in
its environment, by which whatever is left of its children is found; and each gets SIGTERM when we die unasked (Linux).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import uuid
from typing import IO, TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution import process_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

__all__ = ["ProcessGroup", "interruptible"]

MARKER = "AZTK_SCRIPT_RUN"
# Airflow gives its tasks titles, which are written over a process's environment unless setproctitle is told not to.
_KEEP_ENVIRONMENT = {"SPT_NOENV": "1"}
_PR_SET_PDEATHSIG = 1


class ProcessGroup:
    """Some processes that start and stop together."""

    def __init__(self) -> None:
        self.marker = uuid.uuid4().hex
        self._started: list[tuple[str, subprocess.Popen[str]]] = []
        self._files: list[IO[bytes]] = []

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path | None, pipe: bool = False
    ) -> subprocess.Popen[str]:
        """Start a process.

        :param name: what it is called in messages.
        :param command: the command and its arguments.
        :param env: its whole environment.
        :param log: the file for its output; None: nowhere.
        :param pipe: give its standard output to us, and only its errors to the file.
        """
        target = log.open("ab") if log else None
        if target:
            self._files.append(target)
        process = subprocess.Popen(
            list(command),
            env={**env, MARKER: self.marker, **_KEEP_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe else target or subprocess.DEVNULL,
            stderr=(target or subprocess.DEVNULL) if pipe else subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            text=True,
        )
        self._started.append((name, process))
        return process

    def died(self) -> str | None:
        """Name a process that has ended, if any has."""
        return next((name for name, process in self._started if process.poll() is not None), None)

    def forget(self, process: subprocess.Popen[str]) -> None:
        """Leave out a process that has ended as it should."""
        self._started = [(name, each) for name, each in self._started if each is not process]

    def stop(self, *, patience: float = 15.0) -> None:
        """Ask all to end, last started first, and kill what has not ended in time, children included."""
        for _, process in reversed(self._started):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
        end = time.monotonic() + patience
        for _, process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, end - time.monotonic()))
        for _, process in self._started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._kill_rest()
        for file in self._files:
            file.close()
        self._started.clear()

    def left(self) -> list[int]:
        """Find processes that carry our marker (Linux; elsewhere none is found)."""
        return process_table.with_variable(MARKER, self.marker)

    def _kill_rest(self) -> None:
        end = time.monotonic() + 5
        while (left := self.left()) and time.monotonic() < end:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, as Ctrl-C is, and see to it that only the first one counts."""

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)  # stopping takes a few seconds, and must not be interrupted
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
