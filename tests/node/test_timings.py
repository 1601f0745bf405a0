"""Tests shorten all intervals at once; a real node never does."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.node.timings import SPEEDUP_VARIABLE, Timings


def test_faster_timings_are_all_divided() -> None:
    faster = Timings(adoption=60.0, stop_check=3.0).faster(20)
    assert (faster.adoption, faster.stop_check) == (3.0, 0.15)


@pytest.mark.parametrize("value", [None, "", "1", "0.5", "many"])
def test_the_timings_of_a_node_are_never_longer_and_stay_without_a_speedup(value: str | None) -> None:
    assert Timings.from_environment({} if value is None else {SPEEDUP_VARIABLE: value}) == Timings()


def test_the_speedup_of_the_environment_counts() -> None:
    assert Timings.from_environment({SPEEDUP_VARIABLE: "10"}) == Timings().faster(10)
