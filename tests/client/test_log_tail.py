"""The tail of a log comes in whole characters, also where two segments share one, and ends with its last byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client.applications import Applications
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Callable

SEGMENT = 8


class Segments:
    """A log in segments, and the task that writes it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.state = "running"

    def get_range(self, _container: str, name: str, offset: int, length: int) -> Any:
        """Read of one segment."""
        begin = int(name.rpartition("/")[2]) * SEGMENT
        segment = self.data[begin : begin + SEGMENT]
        found = type("Range", (), {"data": segment[offset : offset + length], "total": len(segment)})
        return found if segment else None

    def get_task(self, _job: str, name: str) -> dict[str, Any]:
        """Give the task."""
        info = {"exitCode": 0} if self.state == "completed" else {}
        return {"id": name, "state": self.state, "executionInfo": info}


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Callable[[Segments], Applications]:
    """Give a function that makes a reader of a log."""
    monkeypatch.setattr(contract, "LOG_SEGMENT_BYTES", SEGMENT)

    def make(log: Segments) -> Applications:
        account: Any = type("Account", (), {"storage": log, "batch": log})
        return Applications(account, account)

    return make


@pytest.mark.parametrize("text", ["中" * 9, "a" + "中" * 9, "ab" + "😀" * 9, "ü" * 20, "abc😀😀"])
def test_a_character_that_two_segments_share_comes_whole(reader: Callable[[Segments], Applications], text: str) -> None:
    log = Segments(text.encode())
    applications = reader(log)
    found, size = "", 0
    for _ in range(100):
        part = applications.log("c", "a", tail=True, current_bytes=size)
        found += part.log
        size = part.total_bytes
    assert found == text
    assert size == len(text.encode())
    assert applications.log("c", "a").log == text


def test_half_a_character_waits_for_its_rest_while_the_driver_runs(
    reader: Callable[[Segments], Applications],
) -> None:
    log = Segments("中".encode()[:2])
    applications = reader(log)
    part = applications.log("c", "a", tail=True)
    assert (part.log, part.total_bytes) == ("", 0)
    log.data = "中".encode()
    part = applications.log("c", "a", tail=True)
    assert (part.log, part.total_bytes) == ("中", 3)


def test_half_a_character_at_the_end_of_all_is_given(reader: Callable[[Segments], Applications]) -> None:
    log = Segments(b"ab" + "中".encode()[:2])
    log.state = "completed"
    applications = reader(log)
    first = applications.log("c", "a", tail=True)
    assert (first.log, first.total_bytes) == ("ab", 2)
    last = applications.log("c", "a", tail=True, current_bytes=2)
    assert (last.log, last.total_bytes) == ("\ufffd", 4)
