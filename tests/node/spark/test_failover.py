"""What drivers and workers decide when there is a new master."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.node.contract import Master
from airflow_provider_aztk.node.spark.failover import DriverFailover, WorkerFailover, is_lost
from airflow_provider_aztk.node.spark.web import MasterView, WorkerView


def master(host: str, started: str = "t") -> Master:
    """Return the place of a master."""
    return Master(started=started, attempt=1, node_id="n", host=host, port=7077, web_port=8080)


def view(*applications: str, status: str = "ALIVE", workers: tuple[WorkerView, ...] = ()) -> MasterView:
    """Make what a master says."""
    return MasterView(status, workers, frozenset(applications))


@pytest.mark.parametrize(
    ("registered", "seen", "lost"),
    [
        ({"app-1"}, view("app-2"), True),
        ({"app-1"}, view("app-1"), False),
        ({"app-1"}, None, False),
        ({"app-1"}, view("app-2", status="RECOVERING"), False),
        (set(), view("app-2"), False),
        ({"local-1"}, view(), False),
    ],
)
def test_only_a_registered_driver_can_be_lost(registered: set[str], seen: MasterView | None, lost: bool) -> None:
    assert is_lost(frozenset(registered), seen) is lost


def test_a_driver_is_lost_after_the_grace_and_seen_twice() -> None:
    old, new = master("a"), master("b", "later")
    failover = DriverFailover(old, lambda: frozenset({"app-1"}), lambda where: view(), grace=20.0)
    assert not failover.is_lost(0.0, old)
    assert not failover.is_lost(1.0, None)
    assert not failover.is_lost(5.0, new)
    assert not failover.is_lost(24.0, new)
    assert not failover.is_lost(26.0, new)
    assert failover.is_lost(31.0, new)


def test_a_worker_starts_anew_only_if_it_is_not_adopted() -> None:
    old, new = master("a"), master("b", "later")
    failover = WorkerFailover(old, patience=60.0)
    assert not failover.must_restart(0.0, new, lambda where: False)
    assert not failover.must_restart(59.0, new, lambda where: False)
    assert failover.must_restart(61.0, new, lambda where: False)
    assert failover.master == new
    adopted = WorkerFailover(old, patience=60.0)
    assert not adopted.must_restart(0.0, new, lambda where: True)
    assert adopted.master == new
