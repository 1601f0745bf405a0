"""Errors on their way to Airflow: which of them end a task for good, and in whose words they are told."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aztk.utils.errors import is_final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = ["final_errors"]


@contextlib.contextmanager
def final_errors(hook: AztkHook | None = None) -> Iterator[None]:
    """Fail a task for good where trying again cannot help, and let all other errors through.

    :param hook: the connection that was used, where one was.
    :raises AirflowFailException: for an error that is final, see
        :func:`~airflow_provider_aztk.utils.errors.is_final`.
    """
    from airflow_provider_aztk.client import errors
    from airflow_provider_aztk.hooks.credentials import in_form_words

    try:
        yield
    except Exception as error:
        refused = isinstance(error, errors.AuthenticationError)
        text = in_form_words(str(error)) if refused else str(error)
        by_key = refused and hook is not None and hook.secrets.shared_key is not None
        if is_final(error, by_key=by_key):
            raise AirflowFailException(text) from error
        if refused:
            error.args = (text,)
        raise
