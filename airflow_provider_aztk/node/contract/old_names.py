"""The names that callers in the client still use; remove this module once they use the new ones."""

from __future__ import annotations

from airflow_provider_aztk.node.contract.blobs import ApplicationBlobs, ClusterBlobs
from airflow_provider_aztk.node.contract.spark import EnvError, spark_env_errors

NODE_PREFIX = ClusterBlobs.NODE_PREFIX
BUNDLE_BLOB = ClusterBlobs.BUNDLE
CLUSTER_BLOB = ClusterBlobs.DEFINITION
ACCESS_BLOB = ClusterBlobs.ACCESS
CONF_PREFIX = ClusterBlobs.CONF_PREFIX
SCRIPTS_PREFIX = ClusterBlobs.SCRIPTS_PREFIX
SPARK_SECRET_BLOB = ClusterBlobs.SPARK_SECRET
MASTER_BLOB = ClusterBlobs.MASTER
MASTER_LOG_BLOB = ClusterBlobs.MASTER_LOG
ENOUGH_WORKERS_BLOB = ClusterBlobs.ENOUGH_WORKERS
STATUS_BLOB = ClusterBlobs.STATUS
WORKERS_PREFIX = ClusterBlobs.WORKERS_PREFIX
RECOVERY_PREFIX = ClusterBlobs.RECOVERY_PREFIX
LEASES_PREFIX = ClusterBlobs.LEASES_PREFIX
ACTIVITY_BLOB = ClusterBlobs.ACTIVITY
FILES_PREFIX = ClusterBlobs.FILES_PREFIX
file_blob = ClusterBlobs.file
lease_blob = ClusterBlobs.lease
worker_blob = ClusterBlobs.worker
EnvFault = EnvError
spark_env_faults = spark_env_errors


def app_prefix(name: str) -> str:
    return ApplicationBlobs(name).prefix


def app_task_prefix(name: str) -> str:
    return ApplicationBlobs(name).task_prefix


def app_definition_blob(name: str) -> str:
    return ApplicationBlobs(name).definition


def app_access_blob(name: str) -> str:
    return ApplicationBlobs(name).access


def app_secrets_blob(name: str) -> str:
    return ApplicationBlobs(name).secrets


def app_stop_blob(name: str) -> str:
    return ApplicationBlobs(name).stop


def app_attempt_blob(name: str) -> str:
    return ApplicationBlobs(name).attempt


def app_result_blob(name: str) -> str:
    return ApplicationBlobs(name).result


def log_segment_blob(name: str, segment: int) -> str:
    return ApplicationBlobs(name).log_segment(segment)
