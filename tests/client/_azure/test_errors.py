"""Azure's errors become ours at one seam, and nothing of what they say is lost."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpRequest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._azure.errors import azure_errors
from airflow_provider_aztk.client._azure.refusals import BATCH, STORAGE

ENVELOPE = (
    '{"odata.metadata":"x","code":"PoolQuotaReached","message":{"lang":"en-US","value":'
    '"The pool quota has been reached.\\nRequestId:r-1\\nTime:2026-11-22T10:00:00Z"},'
    '"values":[{"key":"Limit","value":"20"}]}'
)


class Response:
    """What azure-core needs to know of a response."""

    def __init__(self, status: int, text: str = "", **headers: str) -> None:
        self.status_code = status
        self.reason = "because"
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request = HttpRequest("GET", "https://host")
        self._text = text

    def text(self, encoding: str | None = None) -> str:
        return self._text


def mapped(error: Exception, service: str = BATCH) -> errors.AztkError:
    with pytest.raises(errors.AztkError) as found, azure_errors(service, "me"):
        raise error
    assert found.value.__cause__ is error
    return found.value


def response_error(*args: object, **headers: str) -> HttpResponseError:
    return HttpResponseError(response=Response(*args, **headers))  # type: ignore[arg-type]


def test_code_message_values_and_request_id_are_kept() -> None:
    error = mapped(response_error(409, ENVELOPE, request_id="r-1"))
    assert isinstance(error, errors.ServiceError)
    assert (error.code, error.status, error.request_id) == ("PoolQuotaReached", 409, "r-1")
    assert (error.message, error.values) == ("The pool quota has been reached.", {"Limit": "20"})
    assert all(part in str(error) for part in ("PoolQuotaReached", "quota has been reached", "Limit: 20", "r-1"))


@pytest.mark.parametrize("status", [429, 503])
def test_throttling_is_a_kind_of_its_own(status: int) -> None:
    assert isinstance(mapped(response_error(status, "")), errors.ThrottledError)


@pytest.mark.parametrize(
    "error",
    [
        response_error(401, ""),
        response_error(403, '{"code":"AuthenticationFailed","message":{"value":"no"}}'),
        response_error(403, "<xml/>", x_ms_error_code="AuthenticationFailed"),
        ClientAuthenticationError("AADSTS7000215: Invalid client secret"),
    ],
)
def test_a_refused_credential_names_the_service_the_account_and_the_fields(error: HttpResponseError) -> None:
    found = mapped(error, STORAGE)
    assert isinstance(found, errors.AuthenticationError)
    assert (found.service, found.account) == (STORAGE, "me")
    assert "storage_account_key" in str(found)


@pytest.mark.parametrize("kind", [ServiceRequestError, ServiceResponseError])
def test_no_answer_is_a_connection_error(kind: type[AzureError]) -> None:
    assert isinstance(mapped(kind("refused")), errors.ConnectionFailedError)


def test_a_body_that_is_no_envelope_is_no_trouble() -> None:
    error = mapped(response_error(502, "<html>bad gateway</html>"))
    assert isinstance(error, errors.ServiceError)
    assert error.status == 502


def test_whatever_azure_core_raises_is_one_of_ours() -> None:
    import azure.core.exceptions as theirs

    kinds = [kind for _, kind in inspect.getmembers(theirs, inspect.isclass) if issubclass(kind, AzureError)]
    assert len(kinds) > 10
    for kind in kinds:
        error = kind.__new__(kind)
        AzureError.__init__(error, "text")
        error.response = error.status_code = None  # type: ignore[attr-defined]
        assert isinstance(mapped(error), errors.AztkError)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name in errors.__all__:
        assert name == "FieldError" or name in drawn
        kind = getattr(errors, name)
        assert name == "FieldError" or issubclass(kind, errors.AztkError)
    defined = {
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and kind.__module__ == errors.__name__
    }
    assert {name for name in defined if not name.startswith("_")} == set(errors.__all__)


def test_faults_survive_pickling() -> None:
    error = errors.InvalidConfigurationError("X", [errors.FieldError("a", "1", "do")])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.faults) == (str(error), error.faults)


def test_a_signature_that_azure_repeats_is_not_shown() -> None:
    url = "https://s.blob.core.windows.net/c?sv=1&sig=abc%2Bdef&se=2"
    body = {"code": "X", "message": {"value": f"cannot read {url}"}, "values": [{"key": "Url", "value": url}]}
    error = mapped(response_error(400, json.dumps(body)))
    assert "abc" not in str(error)
    assert "sv=1&sig=***&se=2" in str(error)


SUBNET = (
    "The specified type of authentication SharedKey is not allowed when external resources of type Network are linked."
)
SIGNED = "The MAC signature found in the HTTP request 'tE9Zs9wE2Cf1JzQh0V2mF3xN1bq4GkD5hR7sT8uV9wY=' is not the same"


def storage_body(code: str, message: str, **details: str) -> str:
    more = "".join(f"<{name}>{text}</{name}>" for name, text in details.items())
    text = f"{message}\nRequestId:r-1\nTime:2026-11-25T10:00:00Z"
    return (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message>{more}</Error>'
    )


def test_the_detail_of_a_refusal_is_kept() -> None:
    detail = [{"key": "AuthenticationErrorDetail", "value": SUBNET}]
    body = {"code": "AuthenticationFailed", "message": {"value": "Server failed to authenticate."}, "values": detail}
    error = mapped(response_error(403, json.dumps(body)))
    assert isinstance(error, errors.AuthenticationError)
    assert error.values == {"AuthenticationErrorDetail": SUBNET}
    assert SUBNET in str(error)


def test_storage_says_its_detail_without_the_signature() -> None:
    error = mapped(
        response_error(403, storage_body("AuthenticationFailed", "no", AuthenticationErrorDetail=SIGNED)), STORAGE
    )
    assert "The MAC signature found in the HTTP request '***' is not the same" in str(error)
    assert "RequestId" not in str(error)


@pytest.mark.parametrize(
    ("code", "message", "fix"),
    [
        (
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
            "does not allow account keys: sign in with Microsoft Entra ID",
        ),
        ("AuthorizationFailure", "This request is not authorized to perform this operation.", "firewall"),
        (
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
            "assign 'Storage Blob Data Contributor'",
        ),
    ],
)
def test_a_refusal_by_storage_says_what_to_do(code: str, message: str, fix: str) -> None:
    error = mapped(response_error(403, storage_body(code, message)), STORAGE)
    assert isinstance(error, errors.AuthenticationError)
    assert error.code == code
    assert message in str(error)
    assert fix in str(error)
