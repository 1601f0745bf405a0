"""What can go wrong in the client, as one tree.

::

    AztkError                        the root: catch this to catch all of it
    ├── InvalidConfigurationError    (also a ValueError) what was given cannot work; nothing was created
    ├── AuthenticationError          the account refused the credential, or it is not allowed to do this
    ├── NotFoundError                the named thing does not exist
    │   ├── ClusterNotFoundError
    │   ├── JobNotFoundError
    │   └── ApplicationNotFoundError
    ├── AlreadyExistsError           the name is taken by a thing of another definition
    │   ├── ClusterExistsError
    │   ├── JobExistsError
    │   └── ApplicationExistsError
    ├── ServiceError                 Azure answered with an error: status, code, values and request id are kept
    │   └── ThrottledError           429 or 503, after all retries that honour Retry-After
    ├── ConnectionFailedError        no answer, or a broken one, after all retries
    ├── ClusterFailedError           the cluster cannot become ready, or has ended
    └── WaitTimeoutError             (also a TimeoutError) the caller's own limit was reached; nothing was cancelled

Nobody has to match on message text: what a message says is also in attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "AlreadyExistsError",
    "ApplicationExistsError",
    "ApplicationNotFoundError",
    "AuthenticationError",
    "AztkError",
    "ClusterExistsError",
    "ClusterFailedError",
    "ClusterNotFoundError",
    "ConnectionFailedError",
    "FieldError",
    "InvalidConfigurationError",
    "JobExistsError",
    "JobNotFoundError",
    "NotFoundError",
    "ServiceError",
    "ThrottledError",
    "WaitTimeoutError",
]


_SIGNATURE = re.compile(r"(?i)((?:[?&;]|%26|%3f)sig(?:=|%3d))[^&\s'\"<>#,;)\]}]+")


def redacted(text: str) -> str:
    """Return a text without the signatures of SAS URLs, each of which opens what it signs."""
    return _SIGNATURE.sub(r"\1***", text)


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a configuration.

    :param field: the field's name, with its path where it is nested, e.g. ``applications[1].driver_memory``.
    :param value: the value as given, already harmless to show (secrets are masked).
    :param fix: what to do about it, as an order.
    """

    field: str
    value: str
    fix: str

    def __post_init__(self) -> None:
        for name in ("field", "value", "fix"):
            object.__setattr__(self, name, redacted(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.field}={self.value}: {self.fix}"


class AztkError(Exception):
    """The root of all errors of this client. All of them can be pickled, so they pass from process to process.

    :param message: what happened, which is the attribute :attr:`message`, too; signatures in URLs are not shown.
    """

    message: str

    def __init__(self, message: str = "") -> None:
        text = redacted(message)
        self.__dict__.setdefault("message", text)
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[AztkError], args: tuple[Any, ...], attributes: Mapping[str, Any]) -> AztkError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InvalidConfigurationError(AztkError, ValueError):
    """What was given cannot work. All faults are reported together; nothing was created.

    :param subject: what is wrong, e.g. ``ClusterConfiguration``.
    :param faults: each fault with field, value and fix.
    """

    def __init__(self, subject: str, faults: Iterable[FieldError]) -> None:
        self.subject = subject
        self.faults = tuple(faults)
        super().__init__(f"{subject} cannot be used: " + "; ".join(str(fault) for fault in self.faults))


class ServiceError(AztkError):
    """Azure answered with an error.

    :param code: the service's error code, e.g. ``PoolQuotaReached``.
    :param message: the service's message.
    :param status: the HTTP status.
    :param request_id: the service's id of the request, which Azure support asks for.
    :param values: the service's further details.
    :param retry_after: seconds after which the service wants to be asked again, where it said so.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        values: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = redacted(message)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.values = dict(values or {})
        self.retry_after = retry_after
        super().__init__(self._text())

    def _text(self) -> str:
        details = "".join(f"; {key}: {value}" for key, value in self.values.items())
        request = f" (request id {self.request_id})" if self.request_id else ""
        return f"{self.code or self.status or 'error'}: {self.message}{details}{request}"


class ThrottledError(ServiceError):
    """Azure is throttling (429) or busy (503), and stayed so through all retries."""


class AuthenticationError(AztkError):
    """The credential was refused, or may not do this.

    :param service: ``Azure Batch`` or ``Azure Storage``.
    :param account: the account's name.
    :param code: the service's code, e.g. ``AuthenticationFailed``.
    :param values: the service's further details, e.g. ``AuthenticationErrorDetail``.
    :param fix: what to do about it, which the message ends with.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        account: str = "",
        code: str | None = None,
        values: Mapping[str, str] | None = None,
        fix: str = "",
    ) -> None:
        self.fix = fix
        self.service = service
        self.account = account
        self.code = code
        self.values = dict(values or {})
        super().__init__(message)


class ConnectionFailedError(AztkError):
    """No whole answer came: wrong address, no network, a connection that was cut, or what is not the service's.

    :param service: ``Azure Batch`` or ``Azure Storage``.
    :param account: the account's name.
    """

    def __init__(self, message: str, *, service: str = "", account: str = "") -> None:
        self.service = service
        self.account = account
        super().__init__(message)


class _NamedError(AztkError):
    """An error that speaks of one thing by its id."""

    def __init__(self, message: str, *, id: str) -> None:
        self.id = id
        super().__init__(message)


class NotFoundError(_NamedError):
    """The named thing does not exist."""


class ClusterNotFoundError(NotFoundError):
    """There is no cluster of this id."""


class JobNotFoundError(NotFoundError):
    """There is no AZTK job of this id."""


class ApplicationNotFoundError(NotFoundError):
    """The cluster or job has no application of this name."""


class AlreadyExistsError(_NamedError):
    """The name is taken by a thing of another definition."""


class ClusterExistsError(AlreadyExistsError):
    """The id is taken by a cluster of another definition, by one that has ended, or by a job."""


class JobExistsError(AlreadyExistsError):
    """The id is taken by a job of another definition, or by a cluster."""


class ApplicationExistsError(AlreadyExistsError):
    """The cluster already has an application of this name with another definition."""


class ClusterFailedError(_NamedError):
    """The cluster cannot become ready, or has ended.

    :param id: the cluster's id.
    :param code: Batch's code, e.g. ``AllocationFailed`` or ``AccountCoreQuotaReached``.
    :param values: Batch's further details.
    """

    def __init__(self, message: str, *, id: str, code: str | None = None, values: Mapping[str, str] | None = None):
        self.code = code
        self.values = dict(values or {})
        super().__init__(message, id=id)


class WaitTimeoutError(AztkError, TimeoutError):
    """The caller's own limit of a wait was reached; nothing was cancelled."""
