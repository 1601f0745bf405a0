"""The two Azure accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure import batch
from airflow_provider_aztk.client._azure.storage import FirstContainer

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action


def test_connection() -> Action[None]:
    """Ask Batch and then Storage for one thing each.

    :raises AuthenticationError: names the service that refused the credential.
    :raises ConnectionFailedError: names the service that did not answer.
    """
    yield from batch.first_job()
    yield from FirstContainer()
