"""The end of a task's output is kept in whole lines and characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.node.monitoring.failure_report import tail

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", b""),
        (b"one\ntwo", b"one\ntwo\n"),
        (b"cut off\n" + b"x" * 20 + b"\n", b"x" * 20 + b"\n"),
        (b"y" * 40, b"y" * 24 + b"\n"),
        ("中".encode() * 20 + b"!", "中".encode() * 7 + b"!\n"),
        ("ab😀".encode() + b"c" * 22, b"c" * 22 + b"\n"),
    ],
)
def test_the_end_of_a_file_begins_with_a_line(tmp_path: Path, data: bytes, found: bytes) -> None:
    (tmp_path / "out.txt").write_bytes(data)
    assert tail(str(tmp_path / "out.txt"), max_bytes=24) == found
    assert tail(str(tmp_path / "none.txt")) == b""
