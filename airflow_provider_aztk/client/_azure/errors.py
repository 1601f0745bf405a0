"""Azure's errors, mapped to ours at one place, with code, message, values and request id kept."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from airflow_provider_aztk.client.errors import (
    AuthenticationError,
    AztkError,
    ConnectionFailedError,
    ServiceError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = "Azure Batch"
STORAGE = "Azure Storage"

_REFUSED_CODES = frozenset(
    {
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "InsufficientAccountPermissions",
        "InvalidAuthenticationInfo",
        "InvalidHeaderValue.Authorization",
        "KeyBasedAuthenticationNotPermitted",
        "UnauthorizedOperation",
    }
)
_FIELDS = {
    BATCH: "batch_account_name, batch_account_key and batch_service_url",
    STORAGE: "storage_account_name, storage_account_key and storage_service_url",
}


@contextmanager
def azure_errors(service: str, account: str) -> Iterator[None]:
    """Turn what Azure's libraries raise into our errors; for sync and async code alike.

    :param service: :data:`BATCH` or :data:`STORAGE`, for the message.
    :param account: the account's name, for the message.
    """
    try:
        yield
    except ClientAuthenticationError as error:
        raise _refused(service, account, "AuthenticationFailed", _first_line(str(error.message))) from error
    except HttpResponseError as error:
        raise _from_response(service, account, error) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise ConnectionFailedError(
            f"{service} account {account!r} did not answer: {_first_line(str(error))}"
        ) from error
    except AzureError as error:
        raise AztkError(f"{service} account {account!r}: {_first_line(str(error))}") from error


def _from_response(service: str, account: str, error: HttpResponseError) -> AztkError:
    response: Any = error.response
    status = error.status_code
    body = _body(response)
    headers = response.headers if response is not None else {}
    code = body.get("code") or headers.get("x-ms-error-code")
    message = _without_signature(_first_line(_message(body) or str(error.message or error)))
    if status == 401 or code in _REFUSED_CODES:
        return _refused(service, account, str(code or status), message)
    kind = ThrottledError if status in (429, 503) else ServiceError
    return kind(
        message,
        code=code,
        status=status,
        request_id=headers.get("request-id") or headers.get("x-ms-request-id"),
        values={
            str(v.get("key")): _without_signature(str(v.get("value")))
            for v in body.get("values") or []
            if isinstance(v, dict)
        },
    )


def _refused(service: str, account: str, code: str, message: str) -> AuthenticationError:
    fix = f"check {_FIELDS[service]} (or the service principal and its roles)"
    text = f"{service} refused the credential for account {account!r} ({code}: {message}); {fix}"
    return AuthenticationError(text, service=service, account=account, code=code)


def _body(response: Any) -> dict[str, Any]:
    try:
        body = json.loads(response.text())
    except Exception:  # whatever the body is, it is not Batch's error envelope
        return {}
    return body if isinstance(body, dict) else {}


def _message(body: dict[str, Any]) -> str:
    message = body.get("message")
    return str(message.get("value", "") if isinstance(message, dict) else message or "")


def _without_signature(text: str) -> str:
    """Leave out the signature of a SAS, should Azure repeat a URL that it was given."""
    return re.sub(r"(?i)\bsig=[^&\s\"'<>]+", "sig=***", text)


def _first_line(text: str) -> str:
    """Leave out what Azure appends in further lines: request id and time, which we keep apart."""
    return text.strip().split("\n", 1)[0].strip()
