"""Run an AZTK job: applications with a cluster of their own, which Azure Batch deletes when they have ended."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aztk.operators.job import AztkSubmitJobOperator

with DAG(
    dag_id="example_aztk_job",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    doc_md=__doc__,
):
    AztkSubmitJobOperator(
        task_id="two_estimates",
        job_configuration={
            "id": "estimates",
            "vm_size": "standard_d2ds_v5",
            "max_dedicated_nodes": 2,
            "applications": [
                {"name": "rough", "application": "apps/pi.py", "application_args": ["5"], "max_cores": 1},
                {"name": "fine", "application": "apps/pi.py", "application_args": ["20"], "max_cores": 2},
            ],
        },
        execution_timeout=timedelta(hours=1),  # also the limit that Azure Batch itself applies to the job
        retries=1,
    )
