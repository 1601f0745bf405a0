"""Read the configurations from YAML files in the format of AZTK. The files are templates."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

with DAG(
    dag_id="example_aztk_yaml",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    params={"parts": 10},
    doc_md=__doc__,
):
    with AztkClusterTaskGroup("nightly", cluster_conf="config/cluster.yaml") as nightly:
        AztkSubmitApplicationOperator(task_id="run_pi", cluster_id=nightly.cluster_id, application="config/pi.yaml")
