"""What to do when Azure refuses a credential: the role and its scope, or that there was no answer at all."""

from __future__ import annotations

import json

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._azure.refusals import BATCH, RESOURCE_MANAGER, STORAGE, refusal_fix
from tests.client._azure.test_errors import Response, mapped, response_error

WRONG_AUDIENCE = "The access token has been obtained from wrong audience or resource 'https://batch.core.windows.net'."


@pytest.mark.parametrize(
    ("service", "code", "role"),
    [
        (BATCH, "AuthorizationFailure", "'Azure Batch Data Contributor' on the Batch account 'me'"),
        (BATCH, "PermissionDenied", "'Azure Batch Data Contributor' on the Batch account 'me'"),
        (STORAGE, "AuthorizationPermissionMismatch", "'Storage Blob Data Contributor' on the whole storage account"),
        (RESOURCE_MANAGER, "AuthorizationFailed", "'Reader' on me"),
        (BATCH, "InsufficientPermissions", "'Network Contributor' on its virtual network"),
    ],
)
def test_a_missing_role_is_named(service: str, code: str, role: str) -> None:
    assert role in refusal_fix(service, "me", code, {})


# github.com/microsoft/CromwellOnAzure/issues/450
def test_a_role_missing_on_a_subnet_is_a_refused_credential() -> None:
    reason = "The user identity used for this operation does not have the required privelege subnets/join/action"
    values = [{"key": "Reason", "value": reason}]
    error = mapped(response_error(400, json.dumps({"code": "InsufficientPermissions", "values": values})))
    assert isinstance(error, errors.AuthenticationError)
    assert reason in str(error)
    assert "Network Contributor" in str(error)


# azure-batch raises it for each 401 (BatchExceptionPolicy), and the detail is what says why.
def test_the_detail_of_a_401_is_kept() -> None:
    detail = [{"key": "AuthenticationErrorDetail", "value": WRONG_AUDIENCE}]
    body = json.dumps({"code": "AuthenticationFailed", "message": {"value": "no"}, "values": detail})
    answer = Response(401, body)
    error = mapped(ClientAuthenticationError("(AuthenticationFailed) no", response=answer))
    assert isinstance(error, errors.AuthenticationError)
    assert WRONG_AUDIENCE in str(error)


def test_an_issuer_that_does_not_answer_has_refused_nothing() -> None:
    error = ClientAuthenticationError("Authentication failed: no route to host")
    error.__cause__ = ServiceRequestError("no route to host")
    assert isinstance(mapped(error), errors.ConnectionFailedError)
