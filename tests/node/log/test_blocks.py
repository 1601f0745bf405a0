"""How a driver's log is cut into blocks and segments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.node.contract import LOG_SEGMENT_BYTES
from airflow_provider_aztk.node.log.blocks import MAX_BLOCKS, LogLayout, block_interval

LAYOUT = LogLayout()
SEGMENT = LOG_SEGMENT_BYTES
LIFE = 180 * 24 * 3600


@given(st.integers(0, 5 * SEGMENT), st.integers(1, 3 * SEGMENT))
def test_blocks_cover_every_byte_once_and_never_cross_a_segment(position: int, pending: int) -> None:
    end = position + pending
    while position < end:
        piece = LAYOUT.next_block(position, end - position)
        segment, offset = LAYOUT.locate(position)
        assert 0 < piece <= LAYOUT.block_bytes
        assert offset + piece <= SEGMENT
        assert segment * SEGMENT + offset == position
        position += piece
    assert position == end


def test_a_driver_that_never_stops_talking_does_not_run_out_of_blocks() -> None:
    full = SEGMENT // LAYOUT.block_bytes + 1
    seconds = sum(block_interval(block) for block in range(MAX_BLOCKS - full))
    assert seconds > LIFE
    assert block_interval(0) == 2.0
    assert block_interval(MAX_BLOCKS) <= 600.0
