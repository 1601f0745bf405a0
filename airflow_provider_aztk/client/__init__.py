"""Room 2: the AZTK client on Azure Batch; usable alone, from a script or a notebook, without Airflow.

Importing this loads no Azure library: that happens when a client is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import errors, models

if TYPE_CHECKING:
    from airflow_provider_aztk.client.async_client import AsyncClient
    from airflow_provider_aztk.client.client import Client

__all__ = ["AsyncClient", "Client", "errors", "models"]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from airflow_provider_aztk.client.client import Client

        return Client
    if name == "AsyncClient":
        from airflow_provider_aztk.client.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
