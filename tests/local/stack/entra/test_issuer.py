"""The token issuer: its answers to what azure-identity asks, and its refusals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.local.entra import BATCH_SCOPE, access_token, ask, token_answer

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def test_the_configuration_leads_to_the_other_endpoints(aztk_local: LocalStack) -> None:
    tenant, host = aztk_local.entra["tenant_id"], aztk_local.entra["authority_host"]
    found = ask(aztk_local, f"{host}/{tenant}/v2.0/.well-known/openid-configuration").json
    assert found["token_endpoint"] == f"{host}/{tenant}/oauth2/v2.0/token"
    assert [key["alg"] for key in ask(aztk_local, found["jwks_uri"]).json["keys"]] == ["RS256"]
    other = ask(aztk_local, f"{host}/other/v2.0/.well-known/openid-configuration")
    assert (other.status, other.json["error"]) == (400, "invalid_tenant")


# learn.microsoft.com/entra/identity-platform/reference-error-codes
@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000215),
        ({"client_secret": "", "client_assertion": "x.y.z", "client_assertion_type": ASSERTION}, 401, "invalid_client",
         700213),
        ({"client_id": "other"}, 400, "unauthorized_client", 700016),
        ({"tenant": "other"}, 400, "invalid_request", 90002),
        ({"scope": "https://batch.core.windows.net/"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://other.example/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)  # fmt: skip
def test_a_refusal_has_entra_ids_number(
    aztk_local: LocalStack, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    answer = token_answer(aztk_local, **changes)
    assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (status, error, [number])
    assert answer.json["error_description"].startswith(f"AADSTS{number}: ")


def test_a_refusal_can_be_ordered(aztk_local: LocalStack) -> None:
    aztk_local.admin.tokens(scope="https://batch.*", error="invalid_client")
    assert token_answer(aztk_local).json["error"] == "invalid_client"
    assert token_answer(aztk_local, scope="https://storage.azure.com/.default").status == 200


def test_the_federated_token_of_a_pod_is_taken(aztk_local: LocalStack) -> None:
    assertion = Path(aztk_local.entra["federated_token_file"]).read_text()
    given = {"client_secret": "", "client_assertion": assertion, "client_assertion_type": ASSERTION}
    assert token_answer(aztk_local, **given).status == 200
    own = {**given, "client_assertion": access_token(aztk_local, BATCH_SCOPE)}
    assert token_answer(aztk_local, **own).json["error_codes"] == [700213]


def test_a_managed_identity_needs_the_header_of_its_host(aztk_local: LocalStack) -> None:
    entra = aztk_local.entra
    query = "resource=https://batch.core.windows.net/&api-version="
    app_service, machine = entra["identity_endpoint"], f"{entra['metadata_host']}/metadata/identity/oauth2/token"
    secret, metadata = {"X-IDENTITY-HEADER": entra["identity_header"]}, {"Metadata": "true"}
    for url, headers, refused in ((app_service, secret, 401), (machine, metadata, 400)):
        assert ask(aztk_local, f"{url}?{query}").status == refused
        found = ask(aztk_local, f"{url}?{query}", headers=headers).json
        assert found["resource"] == "https://batch.core.windows.net/"
        chosen = ask(aztk_local, f"{url}?{query}&client_id={entra['managed_identity_client_id']}", headers=headers).json
        assert chosen["client_id"] == entra["managed_identity_client_id"] != found["client_id"]
        assert ask(aztk_local, f"{url}?{query}&client_id=other", headers=headers).status == 400
    wrong = machine.replace(entra["identity_header"], "other")
    assert ask(aztk_local, f"{wrong}?{query}", headers=metadata).status == 404


def test_requests_of_web_pages_are_refused(aztk_local: LocalStack) -> None:
    url = f"{aztk_local.entra['authority_host']}/{aztk_local.entra['tenant_id']}/discovery/v2.0/keys"
    assert ask(aztk_local, url, headers={"Origin": "https://other.example"}).status == 403
    assert ask(aztk_local, url, headers={"Host": "other.example:443"}).status == 403


def test_what_is_asked_is_recorded_without_secrets(aztk_local: LocalStack) -> None:
    aztk_local.admin.record()
    aztk_local.admin.forget_requests()
    access_token(aztk_local, BATCH_SCOPE)
    aztk_local.admin.record(enabled=False)
    (call,) = [call for call in aztk_local.admin.requests() if call["operation"] == "issue_token"]
    client_id = aztk_local.entra["client_id"]
    assert call["asked"] == {"client_id": client_id, "scope": BATCH_SCOPE, "by": "client_secret"}
    assert aztk_local.entra["client_secret"] not in str(call)
