"""The models of the client: configurations (what to create) and what exists."""

from __future__ import annotations

from airflow_provider_aztk.client.models._cluster_shape import DEFAULT_DOCKER_REPO, DEFAULT_VM_SIZE
from airflow_provider_aztk.client.models._read import parse as parse_yaml
from airflow_provider_aztk.client.models._record import Failure
from airflow_provider_aztk.client.models.application import Application, ApplicationLog, LogChunk
from airflow_provider_aztk.client.models.application_configuration import ApplicationConfiguration
from airflow_provider_aztk.client.models.cluster import Cluster, FailedWorker, Node, RemoteLogin
from airflow_provider_aztk.client.models.cluster_configuration import ClusterConfiguration
from airflow_provider_aztk.client.models.job import Job
from airflow_provider_aztk.client.models.job_configuration import JobConfiguration
from airflow_provider_aztk.client.models.secrets import (
    DockerConfiguration,
    SecretsConfiguration,
    ServicePrincipalConfiguration,
    SharedKeyConfiguration,
)
from airflow_provider_aztk.client.models.spark_configuration import CustomScript, SparkConfiguration
from airflow_provider_aztk.client.models.states import ApplicationState, ClusterState, JobState, Outcome

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
