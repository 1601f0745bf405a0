"""Configurations in YAML files beside the DAG: AZTK's own, with Airflow's templates in them."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

with DAG(  # noqa: SIM117 - the group is shown on its own in the docs
    dag_id="example_aztk_yaml",
    schedule=None,
    catchup=False,
    tags=["aztk", "example"],
    params={"parts": 10},
    doc_md=__doc__,
):
    # [START yaml]
    with AztkClusterTaskGroup("nightly", cluster_conf="config/cluster.yaml") as nightly:
        AztkSubmitApplicationOperator(task_id="run_pi", cluster_id=nightly.cluster_id, application="config/pi.yaml")
    # [END yaml]
