"""What the tests of the driver share beside fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from tests.node.harness import FakeBatch

FAST = {"AZTK_NODE_SPEEDUP": "20"}
PLAIN = "# fake-spark: no spark context\n"


def outcome(cluster: FakeBatch, name: str = "app") -> tuple[Any, Any]:
    """Return an application's outcome and exit code."""
    found = cluster.get_json(contract.ApplicationBlobs(name).result)
    assert found is not None
    return found["outcome"], found["exit_code"]
