"""A master does not end its cluster because storage did not answer: no driver could renew its lease meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import Cluster, Master
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.monitoring.master_monitor import MasterMonitor
from airflow_provider_aztk.node.spark.web import MasterView
from airflow_provider_aztk.node.storage.wire import BlobInfo
from airflow_provider_aztk.node.timings import Timings

if TYPE_CHECKING:
    from collections.abc import Callable

WHERE = Master("t", 1, "n", "h", 7077, 8080)
DOWN = 600.0  # seconds for which storage is away
ASKED_FOR = 300.0  # seconds for which a call to it is tried again


class Storage:
    """A container with one driver's lease, on a clock that calls to storage move on while it is away."""

    def __init__(self, has_tasks: bool) -> None:
        self.now = 1000.0
        self.renewed = self.now
        self.away_until = 0.0
        self.has_tasks = has_tasks

    def wait(self, seconds: float) -> None:
        """Let time pass; who cannot renew a lease tries again after a while."""
        self.now += seconds
        if self.now >= self.away_until + 40:
            self.renewed = self.now
            self.has_tasks = True

    def _ask(self) -> None:
        if self.now < self.away_until:
            tried = min(ASKED_FOR, self.away_until - self.now)
            self.now += tried
            if self.now < self.away_until:
                raise BlobError("storage does not answer")

    def put(self, name: str, data: bytes) -> None:
        """Write."""
        self._ask()

    def list(self, prefix: str) -> list[BlobInfo]:
        """List the leases."""
        self._ask()
        return [BlobInfo(contract.ClusterBlobs.lease("app"), 5, self.now - self.renewed)] if self.has_tasks else []

    def head(self, name: str) -> None:
        """Look up what is not there."""
        self._ask()


@pytest.mark.parametrize("call", ["all", "others"])
@pytest.mark.parametrize("limits", [{"idle_timeout_seconds": 180}, {"incomplete_timeout_seconds": 180}])
def test_a_cluster_does_not_end_because_storage_did_not_answer(limits: dict[str, float], call: str) -> None:
    storage = Storage(has_tasks="idle_timeout_seconds" in limits)
    cluster = Cluster("job", 1, 60.0, **limits)  # type: ignore[arg-type]
    view = MasterView("ALIVE", (), frozenset())
    monitor = MasterMonitor(storage, cluster, 1, Timings(), lambda host, port: view, lambda: storage.now)  # type: ignore[arg-type]
    storage.away_until = storage.now + DOWN
    ended = _go_on(storage, monitor, storage.now + DOWN + 900, by_others=call == "others")
    assert ended == ""


def test_an_idle_cluster_ends_after_storage_answers_again() -> None:
    storage = Storage(has_tasks=True)
    cluster = Cluster("job", 1, 60.0, idle_timeout_seconds=180)
    view = MasterView("ALIVE", (), frozenset())
    monitor = MasterMonitor(storage, cluster, 1, Timings(), lambda host, port: view, lambda: storage.now)  # type: ignore[arg-type]
    storage.away_until = storage.now + DOWN
    storage.wait = lambda seconds: setattr(storage, "now", storage.now + seconds)  # type: ignore[method-assign]
    assert "nothing to do" in _go_on(storage, monitor, storage.now + DOWN + 900, by_others=False)


def _go_on(storage: Storage, monitor: MasterMonitor, end: float, *, by_others: bool) -> str:
    """Look again and again, as a master does, until a time or until the cluster is to end.

    :param by_others: another call than those of the monitor waits for storage
    """
    others: Callable[[], object] = (lambda: storage.put("x", b"")) if by_others else (lambda: None)
    while storage.now < end:
        try:
            others()
            ended = monitor.step(WHERE)
            if ended:
                return ended
        except BlobError:
            pass
        storage.wait(1.0)
    return ""


@pytest.mark.parametrize(("applications", "ended"), [(frozenset(), True), (frozenset({"app-1"}), False)])
def test_a_cluster_that_storage_refuses_for_an_hour_ends_unless_it_works(
    applications: frozenset[str], ended: bool
) -> None:
    now = 1000.0
    view = MasterView("ALIVE", (), applications)
    cluster = Cluster("cluster", 1, 60.0, idle_timeout_seconds=180)
    monitor = MasterMonitor(Storage(has_tasks=False), cluster, 1, Timings(), lambda host, port: view, lambda: now)  # type: ignore[arg-type]
    refused = BlobError("status 403 AuthenticationFailed", 403, "AuthenticationFailed")
    results = []
    for _ in range(13):
        results.append(monitor.is_refused_for_long(WHERE, refused))
        now += 300
    assert results == [False] * 12 + [ended]


def test_an_hour_of_refusals_begins_anew_when_storage_fails_otherwise() -> None:
    now = 1000.0
    view = MasterView("ALIVE", (), frozenset())
    cluster = Cluster("cluster", 1, 60.0)
    monitor = MasterMonitor(Storage(has_tasks=False), cluster, 1, Timings(), lambda host, port: view, lambda: now)  # type: ignore[arg-type]
    refused, down = BlobError("status 403", 403), BlobError("no answer")
    assert not monitor.is_refused_for_long(WHERE, refused)
    now += 3000
    assert not monitor.is_refused_for_long(WHERE, down)
    now += 3000
    assert not monitor.is_refused_for_long(WHERE, refused)
