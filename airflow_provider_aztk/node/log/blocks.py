"""How a driver's log is cut into blocks of append blobs, and how often a block may be spent.

An append blob takes 50,000 blocks. A task may live for 180 days, and its driver may write all the time, so the pause
between two blocks grows with the blocks that the segment has used: 2 s for the first 15,000 (more than eight hours),
then more, up to ten minutes. A full block never waits: there are few of those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

from airflow_provider_aztk.node.contract.log_segments import LOG_SEGMENT_BYTES, locate

__all__ = ["MAX_BLOCKS", "LogLayout", "block_interval"]

MAX_BLOCKS = 50_000
FIRST_INTERVAL = 2.0
LONGEST_INTERVAL = 600.0
STEADY_BLOCKS = 15_000
GROWTH_BLOCKS = 1_000.0


@dataclass(frozen=True)
class LogLayout:
    """The sizes of segments and blocks in bytes."""

    segment_bytes: int = LOG_SEGMENT_BYTES
    block_bytes: int = 4 * 1024 * 1024

    def locate(self, position: int) -> Tuple[int, int]:
        """Return the segment of a byte of the log, and the byte's offset in it."""
        return locate(position, self.segment_bytes)

    def next_block(self, position: int, pending: int) -> int:
        """Return how many of the pending bytes the next block takes; no block crosses the end of a segment."""
        return min(pending, self.block_bytes, self.segment_bytes - position % self.segment_bytes)


def block_interval(blocks: int) -> float:
    """Return the seconds between two blocks in a segment that has used so many."""
    over = max(blocks - STEADY_BLOCKS, 0) / GROWTH_BLOCKS
    return min(FIRST_INTERVAL * math.exp(min(over, 50.0)), LONGEST_INTERVAL)
