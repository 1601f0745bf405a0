"""Give an application secrets from Airflow connections. The DAG contains names of connections only."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

with DAG(
    dag_id="example_aztk_secrets",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    default_args={"retries": 1},
    doc_md=__doc__,
):
    with AztkClusterTaskGroup("spark", cluster_conf={"vm_count": 1, "vm_size": "standard_d2ds_v5"}) as spark:
        AztkSubmitApplicationOperator(
            task_id="load",
            cluster_id=spark.cluster_id,
            application={
                "name": "load",
                "application": "apps/with_secrets.py",
                "secret_env": {"API_TOKEN": "my_api:password"},
                "secret_conf": {"spark.hadoop.fs.azure.account.key.mylake.dfs.core.windows.net": "my_lake:password"},
            },
        )
