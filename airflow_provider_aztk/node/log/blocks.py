"""The arithmetic of a driver's log: which bytes go to which segment, and how often a block may be spent on them.

An append blob takes 50,000 blocks. A driver may speak without a pause for 180 days, which is how long a task may live,
so the pause between two blocks grows with the blocks that its segment has used: 2 s for the first 15,000 (eight hours
and more), then more and more up to ten minutes. What fills a whole block never waits: such blocks are few.
"""

from __future__ import annotations

import math

from airflow_provider_aztk.node.contract import LOG_SEGMENT_BYTES

__all__ = ["BLOCK_BYTES", "interval", "next_piece", "place"]

BLOCK_BYTES = 4 * 1024 * 1024
MOST_BLOCKS = 50_000

FIRST_INTERVAL = 2.0
LONGEST_INTERVAL = 600.0
STEADY_BLOCKS = 15_000
GROWTH_BLOCKS = 1_000.0


def place(position: int) -> tuple[int, int]:
    """Give the segment of a byte of the log, and its place in it."""
    return divmod(position, LOG_SEGMENT_BYTES)


def next_piece(position: int, pending: int) -> int:
    """Give how many of the pending bytes the next block takes: no more than a block, and never beyond the segment."""
    return min(pending, BLOCK_BYTES, LOG_SEGMENT_BYTES - position % LOG_SEGMENT_BYTES)


def interval(blocks: int) -> float:
    """Give the seconds between two blocks in a segment that has used so many."""
    over = max(blocks - STEADY_BLOCKS, 0) / GROWTH_BLOCKS
    return min(FIRST_INTERVAL * math.exp(min(over, 50.0)), LONGEST_INTERVAL)
