"""Run one application for each item of a list, on a cluster that a task group creates and deletes."""

from __future__ import annotations

from airflow.sdk import DAG, task

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

with DAG(
    dag_id="example_aztk_task_group",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    params={"sizes": [5, 10, 20]},
    doc_md=__doc__,
):

    @task
    def applications(params: dict[str, list[int]]) -> list[dict[str, object]]:
        """Define one application for each size."""
        return [
            {"name": f"pi-{size}", "application": "apps/pi.py", "application_args": [str(size)], "max_cores": 1}
            for size in params["sizes"]
        ]

    found = applications()

    with AztkClusterTaskGroup("spark", cluster_conf={"vm_count": 2, "vm_size": "standard_d2ds_v5"}) as spark:
        AztkSubmitApplicationOperator.partial(
            task_id="run_pi",
            cluster_id=spark.cluster_id,
            retries=2,
            map_index_template="{{ task.application['name'] }}",
        ).expand(application=found)
