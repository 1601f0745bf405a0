"""How a driver's log is divided into append blobs.

The log is the driver's stdout and stderr together. Each segment but the last holds exactly :data:`LOG_SEGMENT_BYTES`.
A driver that Batch runs again continues behind the earlier log, after a line that marks the new attempt.
"""

from __future__ import annotations

from typing import Tuple

__all__ = ["LOG_SEGMENT_BYTES", "locate"]

LOG_SEGMENT_BYTES = 256 * 1024 * 1024


def locate(offset: int, segment_bytes: int = LOG_SEGMENT_BYTES) -> Tuple[int, int]:
    """Return the number of the segment that holds a byte of the log, and the byte's offset in it."""
    return divmod(offset, segment_bytes)
