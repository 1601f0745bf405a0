"""Airflow sensors: every wait."""

from __future__ import annotations

from airflow_provider_aztk._lazy import exports

__all__ = [
    "AztkApplicationSensor",
    "AztkClusterSensor",
    "AztkJobSensor",
]

__getattr__ = exports(
    __name__,
    {
        "AztkApplicationSensor": "application",
        "AztkClusterSensor": "cluster",
        "AztkJobSensor": "job",
    },
)
