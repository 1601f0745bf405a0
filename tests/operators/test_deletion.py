"""Operators that delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    TaskDeferred,
)

from airflow_provider_aztk.operators.cluster import (
    AztkDeleteClusterOperator,
)
from tests.support.airflow_home import Context

if TYPE_CHECKING:
    from tests.support.fake_client import Client


def test_a_deletion_woken_by_another_ones_event_deletes_its_own(client: Client) -> None:
    with DAG("etl", schedule=None):
        delete = AztkDeleteClusterOperator(task_id="x", cluster_id="new", wait_for_completion=True, deferrable=True)
    stale = {"status": "success", "message": None, "ids": ["old"], "remote": {"deleted_id": "old", "deleted": True}}
    with pytest.raises(TaskDeferred) as again:
        delete.execute_complete(Context(), stale)
    assert client.calls == [("delete", "new")]
    asked: list[str] = []
    client.delete_orphaned_pools = lambda id: asked.append(id) or ["pool"]  # type: ignore[method-assign, func-returns-value]
    own = again.value.trigger.serialize()[1]["remote"]
    assert delete.execute_complete(Context(), {**stale, "ids": ["new"], "remote": own}) is False
    assert asked == ["new"], "a pool may outlive its cluster"
