"""Each attempt of a driver has a directory of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.node.spark.run_directory import make_run_directory

if TYPE_CHECKING:
    from pathlib import Path


def test_a_dirty_directory_of_the_same_attempt_is_emptied(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("new")
    made = make_run_directory(str(tmp_path), 2, [str(source), "https://host/b.csv", str(source)])
    (tmp_path / "driver" / "2" / "left").touch()
    assert make_run_directory(str(tmp_path), 2, [str(source)]) == made
    assert [path.name for path in (tmp_path / "driver" / "2").iterdir()] == ["a.csv"]
