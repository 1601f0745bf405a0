"""Create several clusters at once, run several applications on one of them, and delete the clusters."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClustersOperator, AztkDeleteClusterOperator
from airflow_provider_aztk.sensors.application import AztkApplicationSensor

with DAG(dag_id="example_aztk_several", schedule=None, catchup=False, tags=["aztk", "example"], doc_md=__doc__):
    create = AztkCreateClustersOperator(
        task_id="create_clusters",
        cluster_confs=[
            {"cluster_id": "small", "vm_count": 1, "vm_size": "standard_d2ds_v5"},
            {"cluster_id": "large", "vm_count": 2, "vm_size": "standard_d2ds_v5"},
        ],
    )
    small, large = create.output["cluster_id_1"], create.output["cluster_id_2"]
    estimates = AztkSubmitApplicationsOperator(
        task_id="estimates",
        cluster_id=large,
        applications=[
            {"name": "rough", "application": "apps/pi.py", "application_args": ["5"], "max_cores": 1},
            {"name": "fine", "application": "apps/pi.py", "application_args": ["20"], "max_cores": 1},
        ],
    )
    all_done = AztkApplicationSensor(task_id="all_done", cluster_id=large)  # all applications of the cluster
    delete_small = AztkDeleteClusterOperator(task_id="delete_small", cluster_id=small, wait_for_completion=True)
    delete_large = AztkDeleteClusterOperator(task_id="delete_large", cluster_id=large, keep_logs=True)
    teardowns = [delete_small.as_teardown(setups=create), delete_large.as_teardown(setups=create)]
    create >> estimates >> all_done >> teardowns
