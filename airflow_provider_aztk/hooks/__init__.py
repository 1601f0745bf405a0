"""Airflow hooks."""

from __future__ import annotations

from airflow_provider_aztk._lazy import exports

__all__ = [
    "AztkHook",
]

__getattr__ = exports(
    __name__,
    {
        "AztkHook": "aztk",
    },
)
