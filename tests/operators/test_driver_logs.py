"""The end of a driver's log in a task: the last lines of long logs, and the root cause first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.configuration.references import mask
from airflow_provider_aztk.exceptions import AztkApplicationError
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.logs.lines import near_end
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.driver_logs import DriverLogs
from tests.support.airflow_home import Context

MIB = 1024 * 1024


class LongLog:
    """A client with one log of many lines; counts how often it is asked."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.requests = 0

    def __enter__(self) -> LongLog:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read_log(self, owner: str, name: str, offset: int = 0, max_bytes: int = MIB) -> models.LogChunk:
        """Return lines of 16 bytes, each with its number."""
        self.requests += 1
        end = min(self.size, offset + max_bytes)
        first = offset // 16
        text = "".join(f"line {number:010d}\n" for number in range(first, (end + 15) // 16)) if end > offset else ""
        return models.LogChunk(offset=offset, data=text.encode()[offset - first * 16 :][: max(0, end - offset)])


class WrittenLog(LongLog):
    """A client with a log of a given text."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        super().__init__(len(self.data))

    def read_log(self, owner: str, name: str, offset: int = 0, max_bytes: int = MIB) -> models.LogChunk:
        """Return a part of it."""
        return models.LogChunk(offset=offset, data=self.data[offset : offset + max_bytes])


def _failure_of(monkeypatch: pytest.MonkeyPatch, client: LongLog) -> str:
    """Return the error of a task whose driver has failed, with this log."""
    monkeypatch.setattr(AztkHook, "get_client", lambda _: client)
    operator = AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application={"name": "a"})
    summary = {"name": "a", "state": "completed", "outcome": "failed", "exit_code": 1, "failure": None}
    event: Any = {"status": "failed", "message": "m", "code": None, "result": {"applications": [summary]}}
    with pytest.raises(AztkApplicationError) as raised:
        DriverLogs(operator, Context(), are_streamed=False).finish("c", event)  # type: ignore[arg-type]
    return str(raised.value)


class TestTail:
    @pytest.mark.slow
    @pytest.mark.parametrize("size", [0, 16, 160, 8 * 1024, MIB - 16, MIB, MIB + 16, 70 * MIB, 1000 * MIB])
    def test_the_last_lines_are_the_last(self, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        client = LongLog(size)
        lines = [line.strip() for line in _failure_of(monkeypatch, client).splitlines()[2:]]
        number = size // 16
        assert lines == [f"line {n:010d}" for n in range(max(0, number - 20), number)]
        assert client.requests <= 25

    @pytest.mark.parametrize("more", [0, 3000])
    def test_the_root_cause_comes_first_then_where_then_evidence(
        self, monkeypatch: pytest.MonkeyPatch, more: int
    ) -> None:
        log = (
            (Path(__file__).parents[1] / "logs" / "driver_logs" / "exec_value.txt")
            .read_text()
            .replace("bad record", "bad hunter2-x")
        )
        shutdown = "26/11/25 02:47:35 INFO BlockManager: BlockManager stopped\n" * more
        mask("hunter2-x")
        message = _failure_of(monkeypatch, WrittenLog(log + shutdown))
        lines = message.splitlines()
        assert lines[0] == "application a failed: ValueError: bad ***"
        assert lines[1].startswith("    at exec_value.py, line 6, in parse, called at exec_value.py, line 10")
        assert lines[2] == "m"
        assert lines[3] == "The last lines of the driver of a:"
        assert "    ValueError: bad ***" in lines[4:]
        assert len(lines) <= 24
        assert len(message) < 12_000

    def test_what_a_program_said_last_stands_in_the_first_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log = (Path(__file__).parents[1] / "logs" / "driver_logs" / "exit_text.txt").read_text()
        assert _failure_of(monkeypatch, WrittenLog(log)).splitlines()[0] == "m; it said last: the input is empty"

    @pytest.mark.parametrize("known", [0, 5, 1000])
    @pytest.mark.parametrize("more", [0, 1, 63, 64, 65, 1000, 123456])
    def test_the_end_is_found(self, known: int, more: int) -> None:
        asked: list[int] = []

        def has_byte(offset: int) -> bool:
            asked.append(offset)
            return offset < known + more

        found = near_end(has_byte, known, 64)
        assert 0 <= known + more - found < 64
        assert len(asked) <= 30
        if not more:
            assert len(asked) == 1
