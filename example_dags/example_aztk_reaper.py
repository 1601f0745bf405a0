"""Delete, once an hour, the clusters and jobs of DAG runs that are over."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.reap import AztkReapClustersOperator

with DAG(
    dag_id="example_aztk_reaper",
    schedule="@hourly",
    catchup=False,
    is_paused_upon_creation=True,
    tags=["aztk", "example"],
    doc_md=__doc__,
):
    AztkReapClustersOperator(task_id="reap", dry_run=False)
