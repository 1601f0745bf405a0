"""Note signals, and raise them only where it is safe."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import Any

from airflow_provider_aztk.node.errors import TerminatedError

__all__ = ["Signals"]


class Signals:
    """SIGTERM and SIGINT, noted where they come and raised where it is safe.

    A handler that sets a ``threading.Event`` can deadlock with the wait that it interrupts; a pipe cannot.
    """

    def __init__(self) -> None:
        self.received = 0
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def install(self) -> Signals:
        """Take over both signals; only the main thread may do this."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._note)
        return self

    def pause(self, seconds: float) -> None:
        """Wait, and raise :class:`TerminatedError` as soon as a signal asks this process to end."""
        self.wait(seconds)
        self.check()

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until a signal comes."""
        if not self.received:
            select.select([self._read], [], [], max(seconds, 0.0))

    def check(self) -> None:
        """Raise :class:`TerminatedError` if a signal has come."""
        if self.received:
            raise TerminatedError(self.received)

    def _note(self, signum: int, _frame: Any) -> None:
        self.received = signum
        with contextlib.suppress(OSError):
            os.write(self._write, b"!")
