"""Sign-in with Microsoft Entra ID: which access tokens the Batch service takes, and what it answers to others."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.entra import ARM_SCOPE, BATCH_SCOPE, STORAGE_SCOPE, Answer, access_token, ask
from tests.local.support import API

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack


def pools(stack: LocalStack, token: str) -> Answer:
    return ask(stack, f"{stack.entra['batch_endpoint']}/pools?{API}", token=token)


def detail(answer: Answer) -> str:
    (value,) = answer.json["values"]
    assert value["key"] == "AuthenticationErrorDetail"
    return str(value["value"])


@pytest.mark.wire("documented")
@pytest.mark.parametrize("host", ["batch.core.windows.net", "batch.chinacloudapi.cn", "batch.core.usgovcloudapi.net"])
def test_a_token_for_the_batch_service_of_a_cloud_is_taken(aztk_local: LocalStack, host: str) -> None:
    answer = pools(aztk_local, access_token(aztk_local, f"https://{host}//.default"))
    assert (answer.status, answer.json["value"]) == (200, [])
    assert answer.json["odata.metadata"].startswith(aztk_local.entra["batch_endpoint"])


# github.com/AzureAD/microsoft-authentication-library-for-js/issues/1735
@pytest.mark.wire("recorded")
@pytest.mark.parametrize("scope", [ARM_SCOPE, STORAGE_SCOPE, BATCH_SCOPE.replace("//", "/", 2).replace(":/", "://")])
def test_a_token_for_another_audience_is_refused_and_the_slash_counts(aztk_local: LocalStack, scope: str) -> None:
    audience = scope.removesuffix("/.default")
    answer = pools(aztk_local, access_token(aztk_local, scope))
    assert (answer.status, answer.json["code"]) == (401, "AuthenticationFailed")
    assert answer.json["message"]["value"].startswith(
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly.\n"
    )
    assert detail(answer).startswith(
        f"The access token has been obtained from wrong audience or resource '{audience}'. It should exactly match "
        "(including forward slash) with one of the allowed audiences 'https://batch.core.windows.net/'"
    )


@pytest.mark.wire("guessed")
@pytest.mark.parametrize(
    ("order", "text"),
    [
        ({"lifetime": -600}, "has expired"),
        ({"claims": {"nbf": time.time() + 7200}}, "not yet valid"),
        ({"claims": {"iss": "https://sts.windows.net/other/"}}, "wrong issuer"),
    ],
    ids=["expired", "not yet valid", "issuer"],
)
def test_other_tokens_are_refused(aztk_local: LocalStack, order: dict[str, Any], text: str) -> None:
    aztk_local.admin.tokens(**order)
    answer = pools(aztk_local, access_token(aztk_local, BATCH_SCOPE))
    assert (answer.status, answer.json["code"]) == (401, "AuthenticationFailed")
    assert text in detail(answer)


def altered(token: str, part: int, **changes: Any) -> str:
    """Change what a token says, and leave its signature."""
    parts = token.split(".")
    found = {**json.loads(base64.urlsafe_b64decode(parts[part] + "==")), **changes}
    parts[part] = base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()
    return ".".join(parts)


@pytest.mark.wire("guessed")
def test_a_token_that_nobody_signed_is_refused(aztk_local: LocalStack) -> None:
    token = access_token(aztk_local, BATCH_SCOPE)
    head, body, signature = token.split(".")
    for wrong in (
        altered(token, 1, oid="another"),
        altered(token, 0, alg="none"),
        altered(token, 0, kid="another"),
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"{head}.{body}.",
        f"{head}.{body}",
        "nonsense",
        "",
    ):
        answer = pools(aztk_local, wrong)
        assert answer.status in (401, 403), wrong
        assert answer.json["code"] == "AuthenticationFailed"


# github.com/Azure/BatchExplorer/issues/2203
@pytest.mark.wire("recorded")
def test_without_the_role_the_service_refuses_a_good_token(aztk_local: LocalStack) -> None:
    token = access_token(aztk_local, BATCH_SCOPE)
    aztk_local.admin.missing_role("batch")
    answer = pools(aztk_local, token)
    assert (answer.status, answer.json["code"]) == (403, "AuthorizationFailure")
    assert answer.json["message"]["value"].startswith("This request is not authorized to perform this operation.\n")
    aztk_local.admin.clear()
    assert pools(aztk_local, token).status == 200


def test_orders_to_the_emulator_need_its_key(aztk_local: LocalStack) -> None:
    token = access_token(aztk_local, BATCH_SCOPE)
    answer = ask(aztk_local, f"{aztk_local.entra['batch_endpoint']}/_admin/state", token=token)
    assert (answer.status, answer.json["code"]) == (403, "AuthenticationFailed")


def test_the_official_sdk_signs_in_with_the_official_identity(
    aztk_local: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.batch import BatchClient
    from azure.identity import ClientSecretCredential

    entra = aztk_local.entra
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", entra["ca_file"])
    who = (entra["tenant_id"], entra["client_id"], entra["client_secret"])
    authority = entra["authority_host"]
    with (
        ClientSecretCredential(*who, authority=authority, disable_instance_discovery=True) as credential,
        BatchClient(entra["batch_endpoint"], credential) as client,
    ):
        assert list(client.list_pools()) == []
