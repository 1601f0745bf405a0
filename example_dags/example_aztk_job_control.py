"""Submit a job without waiting, wait for it in a sensor, and delete it in a teardown task."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.job import AztkDeleteJobOperator, AztkSubmitJobOperator
from airflow_provider_aztk.sensors.job import AztkJobSensor

with DAG(dag_id="example_aztk_job_control", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    submit = AztkSubmitJobOperator(
        task_id="submit",
        job_configuration={
            "id": "estimate",
            "vm_size": "standard_d2ds_v5",
            "max_dedicated_nodes": 1,
            "applications": [{"name": "pi", "application": "apps/pi.py", "application_args": ["5"]}],
        },
        wait_for_completion=False,
    )
    done = AztkJobSensor(task_id="done", job_id=submit.output["job_id"], timeout=3600)
    delete = AztkDeleteJobOperator(task_id="delete", job_id=submit.output["job_id"], keep_logs=True)
    submit >> done >> delete.as_teardown(setups=submit)
