"""Bring a driver's log to its append blobs, byte for byte and in order, while it runs."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Callable, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.errors import BlobError, BlobPositionError
from airflow_provider_aztk.node.log import blocks
from airflow_provider_aztk.node.log.messages import say

if TYPE_CHECKING:
    from airflow_provider_aztk.node.log.spool import Spool
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["LogShipper"]

# A refusal (403, 404) may heal: clocks, roles, a container that is being made again. Then it is final.
REFUSED_PATIENCE = 120.0
REFUSED_PAUSE = 5.0


class LogShipper:
    """Take bytes from a spool and append them to the log's segments. The only writer of this log.

    :param name: the application
    :param spool: where the bytes come from; closed when storage finally refuses, so that nobody waits for it
    """

    def __init__(
        self,
        blobs: Blobs,
        name: str,
        spool: Spool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._blobs = blobs
        self._name = name
        self._spool = spool
        self._clock = clock
        self._sleep = sleep
        self._position = 0
        self._blocks = 0
        self._due = -math.inf
        self._thread: Optional[threading.Thread] = None
        self.fault = ""

    def open(self) -> bool:
        """Find the end of an earlier attempt's log, or begin one; tell whether that end is in the middle of a line."""
        segments = self._blobs.list(contract.app_prefix(self._name) + "log/")
        if not segments:
            self._blobs.create_append(contract.log_segment_blob(self._name, 0))
            return False
        number = len(segments) - 1
        last = self._blobs.head(contract.log_segment_blob(self._name, number))
        size = last.size if last is not None else 0
        self._position = number * contract.LOG_SEGMENT_BYTES + size
        self._blocks = last.blocks if last is not None else 0
        return self._position > 0 and self._last_byte() != b"\n"

    @property
    def position(self) -> int:
        """Give the length of the log so far."""
        return self._position

    def start(self) -> None:
        """Ship in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def finish(self, patience: float) -> bool:
        """Ship what is left, for so long at most; tell whether the whole log is there."""
        self._spool.close()
        if self._thread is not None:
            self._thread.join(patience)
        if not self.fault and self._spool.pending:
            self.fault = f"storage was too slow: {self._spool.pending} bytes are missing at the end of the log"
        return not self.fault

    def _run(self) -> None:
        try:
            while self._ship_one():
                pass
        except Exception as error:
            self.fault = f"the log ends early: {error}"
            say(self.fault)
            self._spool.close()

    def _ship_one(self) -> bool:
        """Ship the next block when it is due; False at the end."""
        self._spool.wait(1, math.inf)
        self._spool.wait(blocks.BLOCK_BYTES, self._due - self._clock())
        pending = self._spool.pending
        if not pending:
            return not self._spool.closed
        piece = self._spool.peek(blocks.next_piece(self._position, pending))
        self._append(piece)
        self._spool.consume(len(piece))
        self._position += len(piece)
        self._blocks += 1
        self._due = self._clock() + blocks.interval(self._blocks)
        return True

    def _append(self, piece: bytes) -> None:
        segment, offset = blocks.place(self._position)
        blob = contract.log_segment_blob(self._name, segment)
        started = self._clock()
        while True:
            try:
                if offset == 0:
                    self._blobs.create_append(blob)
                    self._blocks = 0
                self._blobs.append(blob, piece, offset)
                return
            except BlobPositionError:
                raise
            except BlobError as error:
                if self._clock() - started >= REFUSED_PATIENCE:
                    raise
                say(f"the log cannot be written, trying again: {error}")
            self._sleep(REFUSED_PAUSE)

    def _last_byte(self) -> Optional[bytes]:
        segment, offset = blocks.place(self._position - 1)
        return self._blobs.get(contract.log_segment_blob(self._name, segment), offset, 1)
