"""When a worker that ended is started again."""

from __future__ import annotations

from airflow_provider_aztk.node.spark.worker_process import Backoff


def test_a_worker_that_keeps_failing_is_started_less_often() -> None:
    backoff = Backoff(first=2.0, longest=10.0, healthy=60.0)
    assert [backoff.ended(0.0, 1.0) for _ in range(5)] == [2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.ended(100.0, 61.0) == 2.0
    assert backoff.not_before == 102.0
