"""The operators whose processes are killed, each built from a point's settings: ids, files, and whether it defers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import (
    AztkCreateClusterOperator,
    AztkCreateClustersOperator,
    AztkDeleteClusterOperator,
)
from airflow_provider_aztk.operators.job import AztkDeleteJobOperator, AztkSubmitJobOperator

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CREATE", "CREATE_SEVERAL", "DELETE_CLUSTER", "DELETE_JOB", "JOB", "OPERATORS", "SUBMIT", "SUBMIT_SEVERAL"]

CREATE, CREATE_SEVERAL = "create cluster", "create clusters"
SUBMIT, SUBMIT_SEVERAL = "submit application", "submit applications"
JOB = "submit job"
DELETE_CLUSTER, DELETE_JOB = "delete cluster", "delete job"

PROGRAM = """\
import sys, time
# fake-spark: no spark context
print("running", sys.argv[2], flush=True)
with open(sys.argv[1], "a") as file:
    file.write(sys.argv[2] + "\\n")
"""


def _common(settings: dict[str, Any]) -> dict[str, Any]:
    return {"task_id": "spark", "deferrable": settings["deferrable"], "poll_interval": 0.5}


def _application(settings: dict[str, Any], name: str) -> dict[str, Any]:
    given = {"name": f"{settings['id']}-{name}", "application": settings["program"]}
    return {**given, "application_args": [settings["runs"], name]}


def _cluster(settings: dict[str, Any]) -> Any:
    conf = {"cluster_id": settings["id"], "vm_count": 2}
    return AztkCreateClusterOperator(cluster_conf=conf, **_common(settings))


def _clusters(settings: dict[str, Any]) -> Any:
    confs = [{"cluster_id": settings["id"], "vm_count": 1}, {"cluster_id": settings["id"], "vm_count": 1}]
    return AztkCreateClustersOperator(cluster_confs=confs, **_common(settings))


def _submit(settings: dict[str, Any]) -> Any:
    return AztkSubmitApplicationOperator(
        cluster_id=settings["cluster_id"], application=_application(settings, "a"), **_common(settings)
    )


def _submit_several(settings: dict[str, Any]) -> Any:
    applications = [_application(settings, "a"), _application(settings, "b")]
    return AztkSubmitApplicationsOperator(
        cluster_id=settings["cluster_id"], applications=applications, **_common(settings)
    )


def _job(settings: dict[str, Any]) -> Any:
    applications = [_application(settings, "a"), _application(settings, "b")]
    conf = {"id": settings["id"], "applications": applications, "max_dedicated_nodes": 2}
    return AztkSubmitJobOperator(job_configuration=conf, **_common(settings))


def _delete_cluster(settings: dict[str, Any]) -> Any:
    return AztkDeleteClusterOperator(cluster_id=settings["id"], wait_for_completion=True, **_common(settings))


def _delete_job(settings: dict[str, Any]) -> Any:
    return AztkDeleteJobOperator(job_id=settings["id"], wait_for_completion=True, **_common(settings))


def _in_a_dag(build: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def built(settings: dict[str, Any]) -> Any:
        with DAG("etl", schedule=None):
            return build(settings)

    return built


OPERATORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    CREATE: _in_a_dag(_cluster),
    CREATE_SEVERAL: _in_a_dag(_clusters),
    SUBMIT: _in_a_dag(_submit),
    SUBMIT_SEVERAL: _in_a_dag(_submit_several),
    JOB: _in_a_dag(_job),
    DELETE_CLUSTER: _in_a_dag(_delete_cluster),
    DELETE_JOB: _in_a_dag(_delete_job),
}
