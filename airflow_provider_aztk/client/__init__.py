"""The AZTK client on Azure Batch; usable alone, from a script or a notebook, without Airflow.

Importing this loads no Azure library: that happens when a client is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports
from airflow_provider_aztk.client import errors, models

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.client._async_client import AsyncClient
    from airflow_provider_aztk.client._client import Client
    from airflow_provider_aztk.client._job_snapshot import JobSnapshot, SnapshotClient
    from airflow_provider_aztk.client._loopback import is_loopback_url
    from airflow_provider_aztk.client._naming import checked_id
    from airflow_provider_aztk.client._shared_poller import SharedPoller

__all__ = [
    "AsyncClient",
    "Client",
    "JobSnapshot",
    "SharedPoller",
    "SnapshotClient",
    "checked_id",
    "errors",
    "is_loopback_url",
    "models",
]

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
    __getattr__ = exports(
        __name__,
        {
            "AsyncClient": "_async_client",
            "Client": "_client",
            "JobSnapshot": "_job_snapshot",
            "SharedPoller": "_shared_poller",
            "SnapshotClient": "_job_snapshot",
            "checked_id": "_naming",
            "is_loopback_url": "_loopback",
        },
    )
