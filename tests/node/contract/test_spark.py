"""What client and node both know of Spark's configuration."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.node import contract


@pytest.mark.parametrize(
    ("text", "found"), [("600m", 600), ("1g", 1024), ("2GB", 2048), ("1048576", 1), ("1024k", 1), ("5", 0), ("x", 0)]
)
def test_memory_is_read_as_spark_reads_it(text: str, found: int) -> None:
    assert contract.memory_mb(text) == found
