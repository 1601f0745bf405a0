"""The errors with which tasks of this provider fail. Import from here to catch them, in callbacks and retry policies.

::

    AztkTaskError (AirflowException)
    ├── AztkClusterError
    └── AztkApplicationError
        └── AztkCancelledError

===========================  ====================================================================  ============
error                        the task failed because                                               tried again?
===========================  ====================================================================  ============
``AztkClusterError``         a cluster did not become ready, or ended while it was needed          yes
``AztkApplicationError``     an application failed                                                 yes
``AztkCancelledError``       an application was stopped                                            yes
``AztkTaskError``            what an earlier try started, or the reaper found, cannot be removed   yes
``AirflowTaskTimeout``       ``execution_timeout`` is over                                         yes
``client.errors.AztkError``  Azure refused a request, or did not answer; it may work later         yes
``AirflowFailException``     an error stays the same in each try, see :func:`is_final`; also each  no
                             failure of what a sensor waits for
===========================  ====================================================================  ============

``docs/what-happens-when.md`` lists the client's errors and which of them are final.
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
    "creation_errors",
    "final_errors",
    "is_final",
]


class AztkTaskError(AirflowException):
    """The base class of this provider's task failures; raised itself where none of its subclasses fits."""


class AztkClusterError(AztkTaskError):
    """A cluster did not become ready, or ended while it was needed.

    :param code: the error code of Azure Batch, e.g. ``AccountCoreQuotaReached``; None where there is none.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.code = code
        super().__init__(message)


class AztkApplicationError(AztkTaskError):
    """An application has failed.

    :param exit_code: the driver's exit code; None where it never ran.
    """

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class AztkCancelledError(AztkApplicationError):
    """An application was stopped, in Airflow or outside of it."""


def is_final(error: BaseException, *, by_key: bool = False) -> bool:
    """Return whether an error stays the same however often a task is tried again.

    Final are: a configuration that cannot work, an id that does not exist, an id that is in use, a cluster that has
    ended. A refused account key is final as well. A refused Entra ID credential is not: a new role assignment takes
    effect after some minutes, and the token service may have been unavailable. Quota, capacity, throttling and broken
    connections are not final.

    :param error: the error that was raised.
    :param by_key: whether the request was signed with the account's key, and not with Entra ID.
    """
    from airflow_provider_aztk.client import errors

    if isinstance(error, errors.AuthenticationError):
        return by_key
    if isinstance(error, errors.ClusterFailedError):
        return error.code is not None  # without a code the cluster has no node yet
    kinds = (errors.NotFoundError, errors.AlreadyExistsError, AirflowNotFoundException, ValueError)
    return isinstance(error, kinds)  # InvalidConfigurationError is a ValueError


@contextlib.contextmanager
def creation_errors() -> Iterator[None]:
    """Let a task be tried again where the cluster that it creates fails: the next try creates another cluster.

    :raises AztkClusterError: instead of the client's ``ClusterFailedError``, which is final, see :func:`is_final`.
    """
    from airflow_provider_aztk.client import errors

    try:
        yield
    except errors.ClusterFailedError as error:
        raise AztkClusterError(str(error), code=error.code) from error


@contextlib.contextmanager
def final_errors(hook: AztkHook | None = None) -> Iterator[None]:
    """Fail a task without further tries where an error is final; other errors are raised unchanged.

    :param hook: the hook whose connection was used; None where none was.
    :raises AirflowFailException: from an error that is final, see :func:`is_final`.
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
