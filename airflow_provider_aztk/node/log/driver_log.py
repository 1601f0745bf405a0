"""Pass a driver's output on to this task's own stdout, and through a spool to the log's blobs."""

from __future__ import annotations

import os
import threading
from typing import IO, Optional

from airflow_provider_aztk.node.log.log_uploader import LogUploader
from airflow_provider_aztk.node.log.spool import Spool
from airflow_provider_aztk.node.storage.blobs import Blobs, Policy

__all__ = ["DriverLog"]

PIECE = 64 * 1024
# An hour of silence from storage, then the program's log goes to this task's stdout alone.
LOG_POLICY = Policy(timeout=30.0, patience=3600.0)
# A process that left the group may hold the pipe open for ever.
PUMP_PATIENCE = 10.0


class DriverLog:
    """The log of a driver: the program's output, and the node code's messages about it.

    :param name: the application
    :param directory: where the spool's files go
    """

    def __init__(self, blobs: Blobs, name: str, directory: str) -> None:
        self._spool = Spool(directory)
        self._uploader = LogUploader(blobs.with_policy(LOG_POLICY), name, self._spool)
        self._stdout: Optional[int] = 1
        self._thread: Optional[threading.Thread] = None

    @property
    def error(self) -> str:
        """Return why the log is not whole; empty if it is."""
        return self._uploader.error

    def open(self, attempt_line: str) -> None:
        """Create the log, or continue an earlier one behind the given line."""
        mid_line = self._uploader.open()
        self._uploader.start()
        if self._uploader.position:
            self.write((b"\n" if mid_line else b"") + attempt_line.encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Write to stdout and to the log's blobs."""
        self._write_stdout(data)
        self._spool.put(data)

    def follow(self, output: IO[bytes]) -> None:
        """Write all that a child writes, in a thread of its own."""
        self._thread = threading.Thread(target=self._pump_output, args=(output,), name="output", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Wait for the end of the child's output."""
        if self._thread is not None:
            self._thread.join(PUMP_PATIENCE)
            self._thread = None

    def close(self, patience: float) -> bool:
        """Upload the rest, for so many seconds at most; return whether the whole log is there."""
        return self._uploader.finish(patience)

    def _pump_output(self, output: IO[bytes]) -> None:
        with output:
            while True:
                data = os.read(output.fileno(), PIECE)
                if not data:
                    return
                self.write(data)

    def _write_stdout(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._stdout is not None:
            try:
                view = view[os.write(self._stdout, view) :]
            except OSError:
                self._stdout = None  # a closed or full stdout must not end the program
