"""Azure's errors, mapped to ours at one place, with code, message, values and request id kept."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.clock import parse_date, skew_hint
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
        date = _headers(error.response).get("Date")
        raise _refused(service, account, codes.AUTHENTICATION_FAILED, _first_line(str(error.message)), date) from error
    except (DecodeError, DeserializationError, json.JSONDecodeError) as error:  # the first is an HttpResponseError
        raise _unanswered(service, account, f"a broken answer: {_first_line(str(error))}") from error
    except HttpResponseError as error:
        raise _from_response(service, account, error) from error
    except (ServiceRequestError, ServiceResponseError, OSError, HTTPException) as error:
        raise _unanswered(service, account, _first_line(str(error)) or type(error).__name__) from error
    except AzureError as error:
        raise AztkError(f"{service} account {account!r}: {_first_line(str(error))}") from error


def _unanswered(service: str, account: str, detail: str) -> ConnectionFailedError:
    text = f"{service} account {account!r} did not answer: {_without_signature(detail)}"
    return ConnectionFailedError(text, service=service, account=account)


def _headers(response: Any) -> Any:
    return response.headers if response is not None else {}


def _from_response(service: str, account: str, error: HttpResponseError) -> AztkError:
    response: Any = error.response
    status = error.status_code
    if response is None and status is None:  # it broke off while it was read
        return _unanswered(service, account, _first_line(str(error.message or error)))
    body = _body(response)
    headers = _headers(response)
    code = body.get("code") or headers.get("x-ms-error-code")
    message = _without_signature(_first_line(_message(body) or str(error.message or error)))
    if status == 401 or code in codes.REFUSED:
        return _refused(service, account, str(code or status), message, headers.get("Date"))
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
        retry_after=_retry_after(headers),
    )


def _retry_after(headers: Any) -> float | None:
    """Return the seconds that the service asks to wait; it gives seconds, milliseconds or a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        text = headers.get(name)
        if not text:
            continue
        try:
            return max(0.0, float(text) / unit)
        except ValueError:
            until = parse_date(text)
            if until is not None:
                now = parse_date(headers.get("Date"))
                return max(0.0, until.timestamp() - (now.timestamp() if now else time.time()))
    return None


def _refused(service: str, account: str, code: str, message: str, date: str | None) -> AuthenticationError:
    fix = f"check {_FIELDS[service]} (or the service principal and its roles)" + skew_hint(date)
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
