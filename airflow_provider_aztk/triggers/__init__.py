"""Airflow triggers: waits without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
    from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
    from airflow_provider_aztk.triggers.deletion import AztkDeletionTrigger
    from airflow_provider_aztk.triggers.job import AztkJobTrigger

__all__ = [
    "AztkApplicationTrigger",
    "AztkClusterTrigger",
    "AztkDeletionTrigger",
    "AztkJobTrigger",
]

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
    __getattr__ = exports(
        __name__,
        {
            "AztkApplicationTrigger": "application",
            "AztkClusterTrigger": "cluster",
            "AztkDeletionTrigger": "deletion",
            "AztkJobTrigger": "job",
        },
    )
