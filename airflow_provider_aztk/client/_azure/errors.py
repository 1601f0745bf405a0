"""Azure's errors, mapped to ours at one place, with code, message, values and request id kept."""

from __future__ import annotations

import json
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
from airflow_provider_aztk.client._azure.error_bodies import first_line as _first_line
from airflow_provider_aztk.client._azure.error_bodies import read_error
from airflow_provider_aztk.client._azure.error_bodies import without_signature as _without_signature
from airflow_provider_aztk.client._azure.refusals import refusal_fix
from airflow_provider_aztk.client.errors import (
    AuthenticationError,
    AztkError,
    ConnectionFailedError,
    ServiceError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def azure_errors(service: str, account: str) -> Iterator[None]:
    """Turn what Azure's libraries raise into our errors; for sync and async code alike.

    :param service: :data:`BATCH` or :data:`STORAGE`, for the message.
    :param account: the account's name, for the message.
    """
    try:
        yield
    except ClientAuthenticationError as error:
        raise _not_signed_in(service, account, error) from error
    except (DecodeError, DeserializationError, json.JSONDecodeError) as error:  # the first is an HttpResponseError
        raise _unanswered(service, account, f"a broken answer: {_first_line(str(error))}") from error
    except HttpResponseError as error:
        raise _from_response(service, account, error) from error
    except (ServiceRequestError, ServiceResponseError, OSError, HTTPException) as error:
        raise _unanswered(service, account, _first_line(str(error)) or type(error).__name__) from error
    except AzureError as error:
        raise AztkError(f"{service} account {account!r}: {_first_line(str(error))}") from error


def _not_signed_in(service: str, account: str, error: ClientAuthenticationError) -> AztkError:
    """Read a 401 of the service, or what azure-identity says where it got no token."""
    if isinstance(error.__cause__, ServiceRequestError | ServiceResponseError):  # Entra ID did not answer
        return _unanswered(service, account, _first_line(str(error.message)))
    said = read_error(_text(error.response))
    code, message = said.code or codes.AUTHENTICATION_FAILED, said.message or _first_line(str(error.message))
    return _refused(service, account, code, message, _headers(error.response).get("Date"), said.values)


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
    said = read_error(_text(response))
    headers = _headers(response)
    code = said.code or headers.get("x-ms-error-code")
    message = said.message or _without_signature(_first_line(str(error.message or error)))
    if status == 401 or code in codes.REFUSED:
        return _refused(service, account, str(code or status), message, headers.get("Date"), said.values)
    kind = ThrottledError if status in (429, 503) else ServiceError
    return kind(
        message,
        code=code,
        status=status,
        request_id=headers.get("request-id") or headers.get("x-ms-request-id"),
        values=said.values,
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


def _refused(
    service: str, account: str, code: str, message: str, date: str | None, values: Mapping[str, str] | None = None
) -> AuthenticationError:
    details = "".join(f"; {name}: {value}" for name, value in (values or {}).items())
    fix = refusal_fix(service, account, code, values or {}) + skew_hint(date)
    text = f"{service} refused the credential for account {account!r} ({code}: {message}{details}); {fix}"
    return AuthenticationError(text, service=service, account=account, code=code, values=values, fix=fix)


def _text(response: Any) -> str:
    try:
        return str(response.text())
    except Exception:  # the body was not read, or is no text
        return ""
