"""Task groups that make and remove what their tasks need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

__all__ = [
    "AztkClusterTaskGroup",
]

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
    __getattr__ = exports(
        __name__,
        {
            "AztkClusterTaskGroup": "cluster",
        },
    )
