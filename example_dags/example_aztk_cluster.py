"""Create a Spark cluster for one DAG run, run an application on it, and delete the cluster in every case."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator, AztkDeleteClusterOperator

with DAG(
    dag_id="example_aztk_cluster",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    params={"parts": 10},
    default_args={"retries": 1},
    doc_md=__doc__,
):
    create = AztkCreateClusterOperator(
        task_id="create_cluster",
        cluster_conf={"cluster_id": "pi", "vm_count": 2, "vm_size": "standard_d2ds_v5"},
    )
    run_pi = AztkSubmitApplicationOperator(
        task_id="run_pi",
        cluster_id=create.output["cluster_id"],
        application={
            "name": "pi",
            "application": "apps/pi.py",  # relative to this file
            "application_args": ["{{ params.parts }}"],
        },
    )
    delete = AztkDeleteClusterOperator(task_id="delete_cluster", cluster_id=create.output["cluster_id"])
    create >> run_pi >> delete.as_teardown(setups=create)
