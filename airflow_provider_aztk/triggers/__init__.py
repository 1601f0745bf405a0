"""Airflow triggers: waits without a worker."""

from __future__ import annotations

from airflow_provider_aztk._lazy import exports

__all__ = [
    "AztkApplicationTrigger",
    "AztkClusterTrigger",
    "AztkDeletionTrigger",
    "AztkJobTrigger",
]

__getattr__ = exports(
    __name__,
    {
        "AztkApplicationTrigger": "application",
        "AztkClusterTrigger": "cluster",
        "AztkDeletionTrigger": "deletion",
        "AztkJobTrigger": "job",
    },
)
