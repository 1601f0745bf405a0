"""The models of the client: configurations (what to create) and what exists.

They are imported when they are asked for, since a DAG that names a YAML file needs no more than the reader of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports
from airflow_provider_aztk.client.models._sizes import DEFAULT_DOCKER_REPO, DEFAULT_VM_SIZE

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.client.models._record import Failure
    from airflow_provider_aztk.client.models.application import Application, ApplicationLog, LogChunk
    from airflow_provider_aztk.client.models.application_configuration import ApplicationConfiguration
    from airflow_provider_aztk.client.models.cluster import Cluster, FailedWorker, Node, OrphanedPool, RemoteLogin
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
    "OrphanedPool",
    "Outcome",
    "RemoteLogin",
    "SecretsConfiguration",
    "ServicePrincipalConfiguration",
    "SharedKeyConfiguration",
    "SparkConfiguration",
]

_MODULES = {
    "_record": ("Failure",),
    "application": ("Application", "ApplicationLog", "LogChunk"),
    "application_configuration": ("ApplicationConfiguration",),
    "cluster": ("Cluster", "FailedWorker", "Node", "OrphanedPool", "RemoteLogin"),
    "cluster_configuration": ("ClusterConfiguration",),
    "job": ("Job",),
    "job_configuration": ("JobConfiguration",),
    "secrets": (
        "DockerConfiguration",
        "SecretsConfiguration",
        "ServicePrincipalConfiguration",
        "SharedKeyConfiguration",
    ),
    "spark_configuration": ("CustomScript", "SparkConfiguration"),
    "states": ("ApplicationState", "ClusterState", "JobState", "Outcome"),
}

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
    __getattr__ = exports(__name__, {name: module for module, names in _MODULES.items() for name in names})
