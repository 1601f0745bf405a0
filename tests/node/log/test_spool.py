"""Bytes wait on disk between a fast writer and a slow reader."""

from __future__ import annotations

import os
import threading
import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aztk.node.log.spool import Spool

if TYPE_CHECKING:
    import random
    from pathlib import Path


@settings(max_examples=30)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=40), st.integers(1, 200), st.randoms())
def test_a_spool_returns_the_bytes_that_were_put_into_it(pieces: list[bytes], most: int, chance: random.Random) -> None:
    with TemporaryDirectory() as directory:
        spool = Spool(directory, limit=1 << 20, file_bytes=128)
        got = b""
        for piece in pieces:
            assert spool.put(piece)
            if chance.random() < 0.5:
                seen = spool.peek(most)
                spool.consume(len(seen))
                got += seen
        spool.close()
        while spool.pending:
            seen = spool.peek(most)
            assert seen
            spool.consume(len(seen))
            got += seen
        assert got == b"".join(pieces)
        assert len(os.listdir(directory)) <= 1


def test_a_full_spool_makes_the_writer_wait_and_closing_frees_it(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), limit=10)
    assert spool.put(b"0123456789")
    kept: list[bool] = []
    writer = threading.Thread(target=lambda: kept.append(spool.put(b"more")))
    writer.start()
    time.sleep(0.1)
    assert not kept
    spool.consume(1)
    writer.join(5)
    assert kept == [True]
    writer = threading.Thread(target=lambda: kept.append(spool.put(b"and more")))
    writer.start()
    spool.close()
    writer.join(5)
    assert kept == [True, False]
