"""The models of the client: configurations (what is to be made) and views (what exists)."""

from __future__ import annotations

from airflow_provider_aztk.client.models._read import parse as parse_yaml
from airflow_provider_aztk.client.models.configuration import (
    DEFAULT_DOCKER_REPO,
    DEFAULT_VM_SIZE,
    ApplicationConfiguration,
    ClusterConfiguration,
    CustomScript,
    JobConfiguration,
    SparkConfiguration,
)
from airflow_provider_aztk.client.models.secrets import (
    DockerConfiguration,
    SecretsConfiguration,
    ServicePrincipalConfiguration,
    SharedKeyConfiguration,
)
from airflow_provider_aztk.client.models.states import ApplicationState, ClusterState, JobState, Outcome
from airflow_provider_aztk.client.models.views import (
    Application,
    ApplicationLog,
    Cluster,
    FailedWorker,
    Failure,
    Job,
    LogChunk,
    Node,
    RemoteLogin,
)

__all__ = [
    "DEFAULT_DOCKER_REPO",
    "DEFAULT_VM_SIZE",
    "Application",
    "ApplicationConfiguration",
    "ApplicationLog",
    "ApplicationState",
    "Cluster",
    "ClusterConfiguration",
    "ClusterState",
    "CustomScript",
    "DockerConfiguration",
    "FailedWorker",
    "Failure",
    "Job",
    "JobConfiguration",
    "JobState",
    "LogChunk",
    "Node",
    "Outcome",
    "RemoteLogin",
    "SecretsConfiguration",
    "ServicePrincipalConfiguration",
    "SharedKeyConfiguration",
    "SparkConfiguration",
    "parse_yaml",
]
