"""The cluster to check for: a file as operators take it, or a small cluster with all defaults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import ClusterConfiguration, SecretsConfiguration

__all__ = ["read_cluster"]

_DEFAULT_NODES = 2
_DEFAULT_LIFETIME = timedelta(days=1)


def read_cluster(path: str | None, secrets: SecretsConfiguration) -> ClusterConfiguration:
    """Return the cluster of a YAML or JSON file, also that of a job; without one, two nodes of the default size.

    :param path: of the file.
    :param secrets: the credentials; a token needs a cluster that lives no longer than its SAS can.
    :raises ValueError: naming each field that is wrong.
    """
    from airflow_provider_aztk.client import models
    from airflow_provider_aztk.client.models._read import parse, text_of
    from airflow_provider_aztk.configuration.build import load, to_model

    if path is None:
        lifetime = _DEFAULT_LIFETIME if secrets.service_principal else None
        return models.ClusterConfiguration(cluster_id="doctor", vm_count=_DEFAULT_NODES, max_lifetime=lifetime)
    file = Path(path).expanduser()
    data = load(parse(text_of(file, "--cluster"), "--cluster"), "--cluster")
    folders = [file.resolve().parent]
    if "job" in data or "applications" in data:
        job: models.JobConfiguration = to_model(models.JobConfiguration, data, folders)
        return job.cluster()
    given = {"cluster_id": "doctor", **data} if not {"cluster_id", "id"} & set(data) else data
    cluster: ClusterConfiguration = to_model(models.ClusterConfiguration, given, folders)
    return cluster
