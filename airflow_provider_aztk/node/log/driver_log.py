"""A driver's output: to this task's own stdout, and through a spool to the log blobs."""

from __future__ import annotations

import os
import threading
from typing import IO, Optional

from airflow_provider_aztk.node.log.spool import Spool
from airflow_provider_aztk.node.log.uploader import LogShipper
from airflow_provider_aztk.node.storage.blobs import Blobs, Policy

__all__ = ["DriverLog"]

PIECE = 64 * 1024
# An hour of silence from storage, then the program's log goes to this task's stdout alone.
LOG_POLICY = Policy(timeout=30.0, patience=3600.0)
# A process that left the group may hold the pipe open for ever.
PUMP_PATIENCE = 10.0


class DriverLog:
    """What the program says, and what is said about it.

    :param name: the application
    :param directory: where the spool's nameless files go
    """

    def __init__(self, blobs: Blobs, name: str, directory: str) -> None:
        self._spool = Spool(directory)
        self._shipper = LogShipper(blobs.with_policy(LOG_POLICY), name, self._spool)
        self._stdout: Optional[int] = 1
        self._pump: Optional[threading.Thread] = None

    @property
    def fault(self) -> str:
        """Say why the log is not whole; empty if it is."""
        return self._shipper.fault

    def open(self, attempt_line: str) -> None:
        """Begin the log, or go on behind an earlier one after the given line."""
        mid_line = self._shipper.open()
        self._shipper.start()
        if self._shipper.position:
            self.write((b"\n" if mid_line else b"") + attempt_line.encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Write to both places."""
        self._own(data)
        self._spool.put(data)

    def follow(self, output: IO[bytes]) -> None:
        """Take all that a child writes, in a thread of its own."""
        self._pump = threading.Thread(target=self._take, args=(output,), name="output", daemon=True)
        self._pump.start()

    def drain(self) -> None:
        """Wait for the end of the child's output."""
        if self._pump is not None:
            self._pump.join(PUMP_PATIENCE)
            self._pump = None

    def close(self, patience: float) -> bool:
        """Bring the rest to storage; tell whether the whole log is there."""
        return self._shipper.finish(patience)

    def _take(self, output: IO[bytes]) -> None:
        with output:
            while True:
                data = os.read(output.fileno(), PIECE)
                if not data:
                    return
                self.write(data)

    def _own(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._stdout is not None:
            try:
                view = view[os.write(self._stdout, view) :]
            except OSError:
                self._stdout = None  # a closed or full stdout must not end the program
