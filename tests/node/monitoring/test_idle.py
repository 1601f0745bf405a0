"""How long a cluster has had nothing to do."""

from __future__ import annotations

from airflow_provider_aztk.node.contract import LEASE_LIFETIME
from airflow_provider_aztk.node.monitoring.idle import IdleClock, live_leases
from airflow_provider_aztk.node.storage.wire import BlobInfo


def test_the_idle_clock_counts_from_readiness_and_from_the_last_work() -> None:
    clock = IdleClock(100.0)
    assert clock.idle_seconds(130.0) == 30.0
    clock.active(120.0)
    clock.active(90.0)
    assert clock.idle_seconds(130.0) == 10.0


def test_only_fresh_leases_that_were_not_given_up_count() -> None:
    fresh, old = LEASE_LIFETIME - 1, LEASE_LIFETIME + 1
    leases = [BlobInfo("a", 5, fresh), BlobInfo("b", 0, fresh), BlobInfo("c", 5, old)]
    assert live_leases(leases) == 1
