"""Submit applications with limits: one that is waited for in the triggerer, then two in one task."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

with (
    DAG(
        dag_id="example_aztk_applications",
        schedule=None,
        catchup=False,
        tags=["aztk", "example"],
        default_args={"retries": 1, "deferrable": True, "execution_timeout": timedelta(hours=1)},
        doc_md=__doc__,
    ),
    AztkClusterTaskGroup("spark", cluster_conf={"vm_count": 2, "vm_size": "standard_d2ds_v5"}) as spark,
):
    one = AztkSubmitApplicationOperator(
        task_id="one",
        cluster_id=spark.cluster_id,
        application={
            "name": "pi",
            "application": "apps/pi.py",
            "application_args": ["10"],
            "executor_memory": "1g",
            "max_cores": 2,
            "conf": {"spark.sql.shuffle.partitions": "8"},
        },
    )
    two = AztkSubmitApplicationsOperator(
        task_id="two",
        cluster_id=spark.cluster_id,
        applications=[
            {"name": "rough", "application": "apps/pi.py", "application_args": ["5"], "max_cores": 1},
            {"name": "fine", "application": "apps/pi.py", "application_args": ["20"], "max_cores": 1},
        ],
    )
    one >> two
