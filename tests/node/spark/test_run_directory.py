"""A driver runs in a directory with its files, each attempt in one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.node.attempt_directory import make_attempt_directory
from airflow_provider_aztk.node.spark.run_directory import make_run_directory

if TYPE_CHECKING:
    from pathlib import Path


def test_each_attempt_has_an_empty_directory_and_earlier_ones_go(tmp_path: Path) -> None:
    first = make_attempt_directory(str(tmp_path))
    (tmp_path / "attempts" / "1" / "left").touch()
    second = make_attempt_directory(str(tmp_path))
    assert (first, second) == (str(tmp_path / "attempts" / "1"), str(tmp_path / "attempts" / "2"))
    assert [(path.name, list(path.iterdir())) for path in (tmp_path / "attempts").iterdir()] == [("2", [])]


def test_a_dirty_directory_is_emptied(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("new")
    made = make_run_directory(str(tmp_path), [str(source), "https://host/b.csv", str(source)])
    (tmp_path / "driver" / "left").touch()
    assert make_run_directory(str(tmp_path), [str(source)]) == made
    assert [path.name for path in (tmp_path / "driver").iterdir()] == ["a.csv"]
