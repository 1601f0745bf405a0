"""A cluster that several DAGs share: made when it is missing, gone when nobody used it for an hour."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator
from airflow_provider_aztk.operators.reap import AztkReapClustersOperator
from airflow_provider_aztk.sensors.application import AztkApplicationSensor
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor

CLUSTER_ID = "shared"

with DAG(dag_id="example_aztk_long_lived", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    # [START exact]
    create = AztkCreateClusterOperator(
        task_id="make_sure_of_the_cluster",
        cluster_conf={"cluster_id": CLUSTER_ID, "vm_count": 2, "vm_size": "standard_d2s_v5"},
        exact_id=True,  # the same cluster in every run; it is created when it is not there
        idle_timeout=timedelta(hours=1),
    )
    # [END exact]

# When the cluster has ended because nobody used it, this waits until a run of the DAG above has made the next one.
with DAG(dag_id="example_aztk_sensors", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    # [START sensors]
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
    # [END sensors]

with DAG(
    dag_id="example_aztk_reaper",
    schedule="@hourly",
    catchup=False,
    is_paused_upon_creation=True,
    tags=["aztk", "example"],
    doc_md=__doc__,
):
    # [START reap]
    AztkReapClustersOperator(task_id="reap", dry_run=False)
    # [END reap]
