"""Airflow operators: every change."""

from __future__ import annotations

from airflow_provider_aztk._lazy import exports

__all__ = [
    "AztkCreateClusterOperator",
    "AztkCreateClustersOperator",
    "AztkCreateUserOperator",
    "AztkDeleteClusterOperator",
    "AztkDeleteJobOperator",
    "AztkReapClustersOperator",
    "AztkStopJobApplicationOperator",
    "AztkStopJobOperator",
    "AztkSubmitApplicationOperator",
    "AztkSubmitApplicationsOperator",
    "AztkSubmitJobOperator",
]

__getattr__ = exports(
    __name__,
    {
        "AztkCreateClusterOperator": "cluster",
        "AztkCreateClustersOperator": "cluster",
        "AztkCreateUserOperator": "cluster",
        "AztkDeleteClusterOperator": "cluster",
        "AztkDeleteJobOperator": "job",
        "AztkReapClustersOperator": "reap",
        "AztkStopJobApplicationOperator": "job",
        "AztkStopJobOperator": "job",
        "AztkSubmitApplicationOperator": "application",
        "AztkSubmitApplicationsOperator": "application",
        "AztkSubmitJobOperator": "job",
    },
)
