"""Choose the Airflow connection, and with it the Azure account, for all tasks of a DAG."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.job import AztkSubmitJobOperator

with DAG(
    dag_id="example_aztk_connection",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    default_args={"aztk_conn_id": "aztk_default", "retries": 1},  # name another connection of type aztk here
    doc_md=__doc__,
):
    AztkSubmitJobOperator(
        task_id="run_pi",
        job_configuration={
            "id": "pi",
            "vm_size": "standard_d2ds_v5",
            "max_dedicated_nodes": 1,
            "applications": [{"name": "pi", "application": "apps/pi.py"}],
        },
    )
