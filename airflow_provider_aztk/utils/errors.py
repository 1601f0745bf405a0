"""How tasks fail: one tree under Airflow's own, so that ``soft_fail`` and retry policies can see it.

::

    AztkTaskError (AirflowException)    the root; the task may be retried
    ├── AztkClusterError                a cluster could not become ready, or ended (``code``)
    └── AztkApplicationError            an application ended, and not well (``exit_code``)
        └── AztkCancelledError          somebody stopped it

What cannot be mended by trying again (a bad configuration, an id that is taken) is an ``AirflowFailException``.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowException

__all__ = ["AztkApplicationError", "AztkCancelledError", "AztkClusterError", "AztkTaskError"]


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
