"""Upload a driver's log to its append blobs, byte for byte and in order, while the driver runs."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Callable, Optional

from airflow_provider_aztk.node.contract import ApplicationBlobs
from airflow_provider_aztk.node.errors import BlobError, BlobPositionError
from airflow_provider_aztk.node.log.blocks import LogLayout, block_interval
from airflow_provider_aztk.node.log.messages import log

if TYPE_CHECKING:
    from airflow_provider_aztk.node.log.spool import Spool
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["LogUploader"]

# A refusal (403, 404) may heal: clocks, roles, a container that is being made again. Then it is final.
REFUSED_PATIENCE = 120.0
REFUSED_PAUSE = 5.0


class LogUploader:
    """Append bytes from a spool to the log's segments. There is no other writer of this log.

    :param name: the application
    :param spool: where the bytes come from; closed when storage refuses for good, so that its writer does not wait
    """

    def __init__(
        self,
        blobs: Blobs,
        name: str,
        spool: Spool,
        layout: Optional[LogLayout] = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._blobs = blobs
        self._app = ApplicationBlobs(name)
        self._layout = layout or LogLayout()
        self._spool = spool
        self._clock = clock
        self._sleep = sleep
        self._position = 0
        self._blocks = 0
        self._due = -math.inf
        self._thread: Optional[threading.Thread] = None
        self.error = ""

    def open(self) -> bool:
        """Find the end of an earlier attempt's log, or create one; return whether it ends within a line."""
        segments = self._blobs.list(self._app.log_prefix)
        if not segments:
            self._blobs.create_append(self._app.log_segment(0))
            return False
        number = len(segments) - 1
        last = self._blobs.head(self._app.log_segment(number))
        size = last.size if last is not None else 0
        self._position = number * self._layout.segment_bytes + size
        self._blocks = last.blocks if last is not None else 0
        return self._position > 0 and self._last_byte() != b"\n"

    @property
    def position(self) -> int:
        """Return the length of the log so far."""
        return self._position

    def start(self) -> None:
        """Upload in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def finish(self, patience: float) -> bool:
        """Upload what is left, for so long at most; return whether the whole log is there.

        :param patience: seconds
        """
        self._spool.close()
        if self._thread is not None:
            self._thread.join(patience)
        if not self.error and self._spool.pending:
            self.error = f"storage was too slow: {self._spool.pending} bytes are missing at the end of the log"
        return not self.error

    def _run(self) -> None:
        try:
            while self._upload_block():
                pass
        except Exception as error:
            self.error = f"the log ends early: {error}"
            log(self.error)
            self._spool.close()

    def _upload_block(self) -> bool:
        """Upload the next block when it is due; return False at the end."""
        self._spool.wait(1, math.inf)
        self._spool.wait(self._layout.block_bytes, self._due - self._clock())
        pending = self._spool.pending
        if not pending:
            return not self._spool.closed
        piece = self._spool.peek(self._layout.next_block(self._position, pending))
        self._append(piece)
        self._spool.consume(len(piece))
        self._position += len(piece)
        self._blocks += 1
        self._due = self._clock() + block_interval(self._blocks)
        return True

    def _append(self, piece: bytes) -> None:
        segment, offset = self._layout.locate(self._position)
        blob = self._app.log_segment(segment)
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
                log(f"the log cannot be written, trying again: {error}")
            self._sleep(REFUSED_PAUSE)

    def _last_byte(self) -> Optional[bytes]:
        segment, offset = self._layout.locate(self._position - 1)
        return self._blobs.get(self._app.log_segment(segment), offset, 1)
