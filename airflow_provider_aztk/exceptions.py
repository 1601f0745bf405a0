"""How tasks fail: one tree under Airflow's own, so that ``soft_fail`` and retry policies can see it.

::

    AztkTaskError (AirflowException)    the root; the task may be retried
    ├── AztkClusterError                a cluster could not become ready, or ended (``code``)
    └── AztkApplicationError            an application ended, and not well (``exit_code``)
        └── AztkCancelledError          somebody stopped it

What cannot be mended by trying again is an ``AirflowFailException``, see :func:`is_final`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowNotFoundException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = [
    "AztkApplicationError",
    "AztkCancelledError",
    "AztkClusterError",
    "AztkTaskError",
    "being_made",
    "final_errors",
    "is_final",
]


class AztkTaskError(AirflowException):
    """The root of this provider's task failures."""


class AztkClusterError(AztkTaskError):
    """A cluster could not become ready, or has ended.

    :param code: Azure Batch's code, e.g. ``AccountCoreQuotaReached``.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.code = code
        super().__init__(message)


class AztkApplicationError(AztkTaskError):
    """An application ended, and not well.

    :param exit_code: the driver's exit code, or None where it never ran.
    """

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class AztkCancelledError(AztkApplicationError):
    """Somebody stopped the application, in Airflow or beside it."""


def is_final(error: BaseException, *, by_key: bool = False) -> bool:
    """Return whether an error stays the same however often a task is tried again.

    A configuration that cannot work, a thing that does not exist, an id that is taken, a cluster that has ended. A
    refused credential is final where it is an account key, which does not become right by waiting; with Entra ID it is
    not: a role that was just given counts after some minutes, and a token service may have been out of reach. Quota
    and capacity, throttling and broken connections may be mended by waiting, and so are tried again.

    :param error: what was raised.
    :param by_key: whether the account was asked with its key, rather than with Entra ID.
    """
    from airflow_provider_aztk.client import errors

    if isinstance(error, errors.AuthenticationError):
        return by_key
    if isinstance(error, errors.ClusterFailedError):
        return error.code is not None  # without one it is not that far yet
    kinds = (errors.NotFoundError, errors.AlreadyExistsError, AirflowNotFoundException, ValueError)
    return isinstance(error, kinds)  # a configuration that cannot work is a ValueError


@contextlib.contextmanager
def being_made() -> Iterator[None]:
    """Tell a cluster that ended while a task made it from one that the task only uses: another try makes another one.

    :raises AztkClusterError: in the place of the client's error, which is final, see :func:`is_final`.
    """
    from airflow_provider_aztk.client import errors

    try:
        yield
    except errors.ClusterFailedError as error:
        raise AztkClusterError(str(error), code=error.code) from error


@contextlib.contextmanager
def final_errors(hook: AztkHook | None = None) -> Iterator[None]:
    """Fail a task for good where trying again cannot help, and let all other errors through.

    :param hook: the connection that was used, where one was.
    :raises AirflowFailException: for an error that is final, see :func:`is_final`.
    """
    from airflow_provider_aztk.client import errors
    from airflow_provider_aztk.hooks.form_labels import with_form_labels

    try:
        yield
    except Exception as error:
        refused = isinstance(error, errors.AuthenticationError)
        text = with_form_labels(str(error)) if refused else str(error)
        by_key = refused and hook is not None and hook.secrets.shared_key is not None
        if is_final(error, by_key=by_key):
            raise AirflowFailException(text) from error
        if refused:
            error.args = (text,)
        raise
