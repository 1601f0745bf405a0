"""Create a user on every node of a cluster, so that somebody can log in by SSH while an application runs."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkCreateUserOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

CLUSTER = {"vm_count": 1, "vm_size": "standard_d2ds_v5", "ssh_allowed_sources": ["203.0.113.7"]}

with DAG(
    dag_id="example_aztk_user",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    default_args={"retries": 1},
    doc_md=__doc__,
):
    with AztkClusterTaskGroup("spark", cluster_conf=CLUSTER) as spark:
        user = AztkCreateUserOperator(
            task_id="create_user", cluster_id=spark.cluster_id, username="ann", credentials_conn_id="cluster_user"
        )
        run_pi = AztkSubmitApplicationOperator(
            task_id="run_pi", cluster_id=spark.cluster_id, application={"name": "pi", "application": "apps/pi.py"}
        )
        user >> run_pi
