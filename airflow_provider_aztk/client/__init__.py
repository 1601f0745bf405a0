"""The AZTK client on Azure Batch; usable alone, from a script or a notebook, without Airflow.

Importing this loads no Azure library: that happens when a client is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk._lazy import exports
from airflow_provider_aztk.client import errors, models

if TYPE_CHECKING:  # what type checkers see; they know nothing of what is imported when it is asked for
    from airflow_provider_aztk.client._job_snapshot import JobSnapshot
    from airflow_provider_aztk.client._shared_poller import SharedPoller
    from airflow_provider_aztk.client.async_client import AsyncClient
    from airflow_provider_aztk.client.client import Client

__all__ = ["AsyncClient", "Client", "JobSnapshot", "SharedPoller", "errors", "models"]

if not TYPE_CHECKING:  # a checker would take every name that is not there for Any
    __getattr__ = exports(
        __name__,
        {
            "AsyncClient": "async_client",
            "Client": "client",
            "JobSnapshot": "_job_snapshot",
            "SharedPoller": "_shared_poller",
        },
    )
