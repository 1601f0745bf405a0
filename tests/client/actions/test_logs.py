"""The tail of a log comes in whole characters, also where two segments share one, and ends with its last byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client._actions.logs import get_application_log
from airflow_provider_aztk.client._azure.storage import GetRange, Range
from airflow_provider_aztk.node import contract
from tests.support.performing import perform

if TYPE_CHECKING:
    from airflow_provider_aztk.client import models

SEGMENT = 8


class Segments:
    """A log in segments, and the task that writes it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.state = "running"

    def answer(self, request: Any) -> Any:
        """Read of one segment, or get the task."""
        if not isinstance(request, GetRange):
            info = {"exitCode": 0} if self.state == "completed" else {}
            return {"id": request.path.rpartition("/")[2], "state": self.state, "executionInfo": info}
        begin = int(request.name.rpartition("/")[2]) * SEGMENT
        segment = self.data[begin : begin + SEGMENT]
        found = Range(segment[request.offset : request.offset + request.length], len(segment))
        return found if segment else None

    def read(self, **arguments: Any) -> models.ApplicationLog:
        """Read the log of the application ``a``."""
        return perform("sync", get_application_log("c", "a", **arguments), self.answer)


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "LOG_SEGMENT_BYTES", SEGMENT)


@pytest.mark.parametrize("text", ["中" * 9, "a" + "中" * 9, "ab" + "😀" * 9, "ü" * 20, "abc😀😀"])
def test_a_character_that_two_segments_share_comes_whole(text: str) -> None:
    log = Segments(text.encode())
    found, size = "", 0
    for _ in range(100):
        part = log.read(tail=True, current_bytes=size)
        found += part.log
        size = part.total_bytes
    assert found == text
    assert size == len(text.encode())
    assert log.read().log == text


def test_half_a_character_waits_for_its_rest_while_the_driver_runs() -> None:
    log = Segments("中".encode()[:2])
    part = log.read(tail=True)
    assert (part.log, part.total_bytes) == ("", 0)
    log.data = "中".encode()
    part = log.read(tail=True)
    assert (part.log, part.total_bytes) == ("中", 3)


def test_half_a_character_at_the_end_of_all_is_given() -> None:
    log = Segments(b"ab" + "中".encode()[:2])
    log.state = "completed"
    first = log.read(tail=True)
    assert (first.log, first.total_bytes) == ("ab", 2)
    last = log.read(tail=True, current_bytes=2)
    assert (last.log, last.total_bytes) == ("\ufffd", 4)
