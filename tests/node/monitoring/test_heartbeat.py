"""A driver's lease is renewed."""

from __future__ import annotations

from typing import Any

from airflow_provider_aztk.node.contract import ClusterBlobs
from airflow_provider_aztk.node.monitoring.heartbeat import Heartbeat
from airflow_provider_aztk.node.timings import Timings


def test_a_lease_is_renewed_whatever_else_goes_wrong() -> None:
    class Storage:
        """Storage that says something that nobody expects, but for what is written."""

        def __init__(self) -> None:
            self.written: list[str] = []

        def with_policy(self, _policy: object) -> Storage:
            return self

        def put(self, name: str, _data: bytes) -> None:
            self.written.append(name)

        def head(self, _name: str) -> None:
            raise ValueError("what is this?")

    storage: Any = Storage()
    heartbeat = Heartbeat(storage, "app", "node", Timings())
    heartbeat.start()
    heartbeat.stop()
    assert storage.written == [ClusterBlobs.lease("app")] * 2, "renewed, and given up"
