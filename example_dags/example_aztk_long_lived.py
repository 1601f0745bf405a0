"""Share one cluster between DAGs: one DAG creates it, another waits for it and runs an application on it."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator
from airflow_provider_aztk.sensors.application import AztkApplicationSensor
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor

CLUSTER_ID = "shared"

with DAG(dag_id="example_aztk_long_lived", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    create = AztkCreateClusterOperator(
        task_id="make_sure_of_the_cluster",
        cluster_conf={"cluster_id": CLUSTER_ID, "vm_count": 2, "vm_size": "standard_d2ds_v5"},
        exact_id=True,  # every run uses the same cluster; it is created if it does not exist
        idle_timeout=timedelta(hours=1),  # the cluster ends after one hour without an application
    )

with DAG(dag_id="example_aztk_sensors", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    # If the cluster has ended by its idle_timeout, this waits until the DAG above has created a new one.
    ready = AztkClusterSensor(task_id="ready", cluster_id=CLUSTER_ID, missing_ok=True, timeout=3600)
    start = AztkSubmitApplicationOperator(
        task_id="start",
        cluster_id=CLUSTER_ID,
        application={"name": "pi", "application": "apps/pi.py"},
        wait_for_completion=False,
    )
    done = AztkApplicationSensor(
        task_id="done", cluster_id=CLUSTER_ID, application_name=start.output["application_name"]
    )
    ready >> start >> done
