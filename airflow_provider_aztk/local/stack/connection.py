"""The Airflow connection that leads to a local stack."""

from __future__ import annotations

import json

__all__ = ["airflow_connection"]


def airflow_connection(
    *,
    batch_endpoint: str,
    batch_account: str,
    batch_key: str,
    blob_endpoint: str | None,
    blob_account: str,
    blob_key: str,
) -> str:
    """Return the connection as JSON, as Airflow reads it from ``AIRFLOW_CONN_...``.

    :param blob_endpoint: None: the stack has no blob service.
    """
    extra = {
        "storage_account_name": blob_account,
        "storage_access_key": blob_key,
        "storage_service_url": blob_endpoint,
    }
    return json.dumps(
        {
            "conn_type": "aztk",
            "host": batch_endpoint,
            "login": batch_account,
            "password": batch_key,
            "extra": extra if blob_endpoint is not None else {},
        }
    )
