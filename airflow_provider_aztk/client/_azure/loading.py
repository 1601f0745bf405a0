"""Loads the asynchronous SDKs, which takes a third of a second: to be called in a thread, beside the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.aio import AsyncAccount


def load_async_account() -> type[AsyncAccount]:
    """Import all that an asynchronous account needs, and give its class."""
    import azure.batch.aio
    import azure.storage.blob.aio  # noqa: F401 - loaded here so that the event loop need not wait for it

    from airflow_provider_aztk.client._azure.aio import AsyncAccount

    return AsyncAccount
