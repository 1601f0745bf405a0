"""What operators of every kind refuse of their rendered arguments, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
)

from airflow_provider_aztk.operators.cluster import (
    AztkCreateUserOperator,
    AztkDeleteClusterOperator,
)
from airflow_provider_aztk.operators.job import AztkDeleteJobOperator, AztkStopJobOperator
from tests.support.airflow_home import Context

if TYPE_CHECKING:
    from tests.support.fake_client import Client


@pytest.mark.parametrize("value", [None, "", "None", 7])
def test_an_id_that_is_none_is_named(client: Client, app: Any, value: Any) -> None:
    app.cluster_id = value
    with pytest.raises(AirflowFailException, match="cluster_id="):
        app.execute(Context())
    with DAG("etl", schedule=None):
        others: list[Any] = [
            AztkDeleteClusterOperator(task_id="a", cluster_id=value),
            AztkDeleteJobOperator(task_id="b", job_id=value),
            AztkStopJobOperator(task_id="c", job_id=value),
            AztkCreateUserOperator(task_id="d", cluster_id=value, username="u"),
        ]
    for operator in others:
        with pytest.raises(AirflowFailException, match="_id="):
            operator.execute(Context())
    assert client.calls == []
