"""The driver's log: its arithmetic, its spool, and that no byte is lost on a bad day."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.errors import BlobError, BlobPositionError
from airflow_provider_aztk.node.log import blocks
from airflow_provider_aztk.node.log import spool as spool_module
from airflow_provider_aztk.node.log.spool import Spool
from airflow_provider_aztk.node.log.uploader import LogShipper
from airflow_provider_aztk.node.storage.blobs import BlobInfo, Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEGMENT = contract.LOG_SEGMENT_BYTES
LIFE = 180 * 24 * 3600


class MemoryBlobs:
    """Append blobs in memory, which refuse now and then."""

    def __init__(self, refuse: Callable[[], BlobError | None] = lambda: None) -> None:
        self.segments: dict[str, bytearray] = {}
        self.calls = 0
        self._refuse = refuse

    def _maybe(self) -> None:
        self.calls += 1
        error = self._refuse()
        if error is not None:
            raise error

    def list(self, prefix: str) -> list[BlobInfo]:
        return [
            BlobInfo(name, len(data), 0.0) for name, data in sorted(self.segments.items()) if name.startswith(prefix)
        ]

    def head(self, name: str) -> BlobInfo | None:
        return BlobInfo(name, len(self.segments[name]), 0.0, 3) if name in self.segments else None

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes | None:
        end = None if length is None else offset + length
        return bytes(self.segments[name][offset:end]) if name in self.segments else None

    def put(self, name: str, data: bytes) -> None:
        self.segments[name] = bytearray(data)

    def create_append(self, name: str) -> None:
        self._maybe()
        self.segments.setdefault(name, bytearray())

    def append(self, name: str, data: bytes, position: int) -> None:
        self._maybe()
        if len(self.segments[name]) != position:
            raise BlobPositionError("elsewhere", 412)
        self.segments[name] += data

    def download(self, name: str, path: str) -> str:
        raise NotImplementedError

    def with_policy(self, policy: Policy, sleep: Callable[[float], object] = time.sleep) -> MemoryBlobs:
        return self

    @property
    def log(self) -> bytes:
        return b"".join(bytes(data) for _, data in sorted(self.segments.items()))


@given(st.integers(0, 5 * SEGMENT), st.integers(1, 3 * SEGMENT))
def test_blocks_cover_every_byte_once_and_never_cross_a_segment(position: int, pending: int) -> None:
    end = position + pending
    while position < end:
        piece = blocks.next_piece(position, end - position)
        segment, offset = blocks.place(position)
        assert 0 < piece <= blocks.BLOCK_BYTES
        assert offset + piece <= SEGMENT
        assert segment * SEGMENT + offset == position
        position += piece
    assert position == end


def test_a_driver_that_never_stops_talking_does_not_run_out_of_blocks() -> None:
    full = SEGMENT // blocks.BLOCK_BYTES + 1
    seconds = sum(blocks.interval(block) for block in range(blocks.MOST_BLOCKS - full))
    assert seconds > LIFE
    assert blocks.interval(0) == 2.0
    assert blocks.interval(blocks.MOST_BLOCKS) <= 600.0


@settings(max_examples=30)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=40), st.integers(1, 200), st.randoms())
def test_a_spool_gives_back_what_it_got(pieces: list[bytes], most: int, chance: random.Random) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_module, "FILE_BYTES", 128)
        spool = Spool(directory, limit=1 << 20)
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


def ship(blobs: MemoryBlobs, tmp_path: Path, data: list[bytes], monkeypatch: pytest.MonkeyPatch) -> LogShipper:
    """Ship some bytes with blocks of 1,000 bytes and segments of 2,500."""
    monkeypatch.setattr(contract, "LOG_SEGMENT_BYTES", 2500)
    monkeypatch.setattr(blocks, "LOG_SEGMENT_BYTES", 2500)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    spool = Spool(str(tmp_path))
    shipper = LogShipper(blobs, "app", spool, sleep=lambda seconds: None)
    shipper.open()
    shipper.start()
    for piece in data:
        spool.put(piece)
    shipper.finish(20)
    return shipper


def test_segments_are_exactly_full_but_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = MemoryBlobs()
    data = [os.urandom(700) for _ in range(9)]
    shipper = ship(blobs, tmp_path, data, monkeypatch)
    assert not shipper.fault
    assert blobs.log == b"".join(data)
    sizes = [len(part) for _, part in sorted(blobs.segments.items())]
    assert sizes == [2500, 2500, 1300]
    assert sorted(blobs.segments) == [contract.log_segment_blob("app", number) for number in range(3)]


def test_a_retried_driver_goes_on_behind_the_earlier_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = MemoryBlobs()
    ship(blobs, tmp_path, [b"a" * 2600], monkeypatch)
    ship(blobs, tmp_path, [b"b" * 2600], monkeypatch)
    assert blobs.log == b"a" * 2600 + b"b" * 2600


def test_refusals_that_heal_cost_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    blobs = MemoryBlobs(lambda: BlobError("not now", 403) if chance.random() < 0.5 else None)
    data = [os.urandom(997) for _ in range(20)]
    spool_dir = tmp_path
    blobs.segments[contract.log_segment_blob("app", 0)] = bytearray()
    shipper = ship(blobs, spool_dir, data, monkeypatch)
    assert not shipper.fault
    assert blobs.log == b"".join(data)


def test_another_writer_ends_the_log_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = MemoryBlobs()
    original = blobs.append

    def meddle(name: str, data: bytes, position: int) -> None:
        blobs.segments[name] += b"x"
        original(name, data, position)

    monkeypatch.setattr(blobs, "append", meddle)
    shipper = ship(blobs, tmp_path, [b"a"], monkeypatch)
    assert "ends early" in shipper.fault
