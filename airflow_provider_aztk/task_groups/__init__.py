"""Task groups that make and remove what their tasks need."""

from __future__ import annotations

from airflow_provider_aztk._lazy import exports

__all__ = [
    "AztkClusterTaskGroup",
]

__getattr__ = exports(
    __name__,
    {
        "AztkClusterTaskGroup": "cluster",
    },
)
