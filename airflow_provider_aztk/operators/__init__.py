"""Airflow operators: every change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.operators.application import (
        AztkSubmitApplicationOperator,
        AztkSubmitApplicationsOperator,
    )
    from airflow_provider_aztk.operators.cluster import (
        AztkCreateClusterOperator,
        AztkCreateClustersOperator,
        AztkCreateUserOperator,
        AztkDeleteClusterOperator,
    )
    from airflow_provider_aztk.operators.job import (
        AztkDeleteJobOperator,
        AztkStopJobApplicationOperator,
        AztkStopJobOperator,
        AztkSubmitJobOperator,
    )
    from airflow_provider_aztk.operators.reap import AztkReapClustersOperator

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

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
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
