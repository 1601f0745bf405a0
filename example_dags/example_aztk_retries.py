"""Set retries and time limits for all tasks of a DAG."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

with DAG(
    dag_id="example_aztk_retries",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    dagrun_timeout=timedelta(hours=4),
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=2),
        "deferrable": True,
    },
    doc_md=__doc__,
):
    cluster = {"vm_count": 2, "vm_size": "standard_d2ds_v5"}
    with AztkClusterTaskGroup("spark", cluster_conf=cluster, create_args={"idle_timeout": 1800}) as spark:
        AztkSubmitApplicationOperator(
            task_id="run_pi", cluster_id=spark.cluster_id, application={"name": "pi", "application": "apps/pi.py"}
        )
