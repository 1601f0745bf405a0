"""A driver's log is uploaded byte for byte, whatever storage does meanwhile."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.errors import BlobError, BlobPositionError
from airflow_provider_aztk.node.log.blocks import LogLayout
from airflow_provider_aztk.node.log.log_uploader import LogUploader
from airflow_provider_aztk.node.log.spool import Spool
from airflow_provider_aztk.node.storage.wire import BlobInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_aztk.node.storage.blobs import Policy


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


def upload(blobs: MemoryBlobs, tmp_path: Path, data: list[bytes]) -> LogUploader:
    """Upload some bytes in blocks of 1,000 bytes and segments of 2,500."""
    layout = LogLayout(segment_bytes=2500, block_bytes=1000)
    spool = Spool(str(tmp_path))
    uploader = LogUploader(blobs, "app", spool, layout, sleep=lambda seconds: None)
    uploader.open()
    uploader.start()
    for piece in data:
        spool.put(piece)
    uploader.finish(20)
    return uploader


def test_segments_are_exactly_full_but_the_last(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    data = [os.urandom(700) for _ in range(9)]
    uploader = upload(blobs, tmp_path, data)
    assert not uploader.error
    assert blobs.log == b"".join(data)
    sizes = [len(part) for _, part in sorted(blobs.segments.items())]
    assert sizes == [2500, 2500, 1300]
    assert sorted(blobs.segments) == [contract.ApplicationBlobs("app").log_segment(number) for number in range(3)]


def test_the_log_of_a_retried_driver_continues_behind_the_earlier_one(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    upload(blobs, tmp_path, [b"a" * 2600])
    upload(blobs, tmp_path, [b"b" * 2600])
    assert blobs.log == b"a" * 2600 + b"b" * 2600


def test_the_log_loses_no_byte_when_storage_refuses_for_a_while(tmp_path: Path) -> None:
    chance = random.Random(5)
    blobs = MemoryBlobs(lambda: BlobError("not now", 403) if chance.random() < 0.5 else None)
    data = [os.urandom(997) for _ in range(20)]
    spool_dir = tmp_path
    blobs.segments[contract.ApplicationBlobs("app").log_segment(0)] = bytearray()
    uploader = upload(blobs, spool_dir, data)
    assert not uploader.error
    assert blobs.log == b"".join(data)


def test_the_log_ends_with_an_error_when_there_is_another_writer(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    original = blobs.append

    def meddle(name: str, data: bytes, position: int) -> None:
        blobs.segments[name] += b"x"
        original(name, data, position)

    blobs.append = meddle  # type: ignore[method-assign]
    uploader = upload(blobs, tmp_path, [b"a"])
    assert "ends early" in uploader.error
