"""The cluster to check for: a file as operators take it, or a small cluster with all defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import ClusterConfiguration

__all__ = ["read_cluster"]

_DEFAULT_NODES = 2


def read_cluster(path: str | None) -> ClusterConfiguration:
    """Return the cluster of a YAML or JSON file, also that of a job; without one, two nodes of the default size.

    :param path: of the file.
    :raises ValueError: naming each field that is wrong.
    """
    from airflow_provider_aztk.client import models
    from airflow_provider_aztk.client.models._read import parse, text_of
    from airflow_provider_aztk.configuration.build import load, to_model

    if path is None:
        return models.ClusterConfiguration(cluster_id="doctor", vm_count=_DEFAULT_NODES)
    file = Path(path).expanduser()
    data = load(parse(text_of(file, "--cluster"), "--cluster"), "--cluster")
    folders = [file.resolve().parent]
    if "job" in data or "applications" in data:
        job: models.JobConfiguration = to_model(models.JobConfiguration, data, folders)
        return job.cluster()
    given = {"cluster_id": "doctor", **data} if not {"cluster_id", "id"} & set(data) else data
    cluster: ClusterConfiguration = to_model(models.ClusterConfiguration, given, folders)
    return cluster
