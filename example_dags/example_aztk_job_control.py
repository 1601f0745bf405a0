"""A job that no task waits for: watched by a sensor, cut short by another task, deleted by a third."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.job import (
    AztkDeleteJobOperator,
    AztkStopJobApplicationOperator,
    AztkStopJobOperator,
    AztkSubmitJobOperator,
)
from airflow_provider_aztk.sensors.job import AztkJobSensor

with DAG(dag_id="example_aztk_job_control", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    # [START submit]
    submit = AztkSubmitJobOperator(
        task_id="submit",
        job_configuration={
            "id": "estimate",
            "vm_size": "standard_d2s_v5",
            "max_dedicated_nodes": 1,
            "applications": [{"name": "pi", "application": "apps/pi.py", "application_args": ["5"]}],
        },
        wait_for_completion=False,
    )
    # [END submit]

    # [START sensor]
    done = AztkJobSensor(task_id="done", job_id=submit.output["job_id"], timeout=3600)
    # [END sensor]

    # [START delete]
    delete = AztkDeleteJobOperator(task_id="delete", job_id=submit.output["job_id"], keep_logs=True)
    submit >> done >> delete.as_teardown(setups=submit)
    # [END delete]

with DAG(
    dag_id="example_aztk_stop_job",
    schedule=None,
    catchup=False,
    params={"job_id": "", "application_name": "pi"},
    tags=["aztk", "example"],
    doc_md="Stop one application of a job, and then the job; both names are parameters of the run.",
):
    # [START stop]
    stop_one = AztkStopJobApplicationOperator(
        task_id="stop_one", job_id="{{ params.job_id }}", application_name="{{ params.application_name }}"
    )
    stop_job = AztkStopJobOperator(task_id="stop_job", job_id="{{ params.job_id }}")
    stop_one >> stop_job
    # [END stop]
