"""Stop one application of a job, and then the whole job. Both names are parameters of the DAG run."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.job import AztkStopJobApplicationOperator, AztkStopJobOperator

with DAG(
    dag_id="example_aztk_stop_job",
    schedule=None,
    catchup=False,
    params={"job_id": "", "application_name": "pi"},
    tags=["aztk", "example"],
    doc_md=__doc__,
):
    stop_one = AztkStopJobApplicationOperator(
        task_id="stop_one", job_id="{{ params.job_id }}", application_name="{{ params.application_name }}"
    )
    stop_job = AztkStopJobOperator(task_id="stop_job", job_id="{{ params.job_id }}")
    stop_one >> stop_job
