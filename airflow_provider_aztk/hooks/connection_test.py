"""The connection test: Azure Batch first, then Storage, each with its own verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = ["run"]


def run(hook: AztkHook) -> tuple[bool, str]:
    """Try the connection; reads only, and its message has no secrets.

    :param hook: the hook whose connection is tried.
    :return: whether everything works, and which service does not.
    """
    from airflow.providers.common.compat.sdk import redact

    from airflow_provider_aztk.client import errors
    from airflow_provider_aztk.hooks.credentials import in_form_words

    try:
        with hook.get_client() as client:
            client.test_connection()
    except (errors.AztkError, ValueError) as error:
        return False, str(redact(in_form_words(str(error))))
    account = hook.secrets.account_key.split("|")
    return True, f"Azure Batch account {account[0]} and storage account {account[1]} answer"
