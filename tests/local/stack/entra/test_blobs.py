"""The blobs over https: bearer tokens, user delegation keys, and SAS signed by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from tests.local.entra import BATCH_SCOPE, STORAGE_SCOPE, access_token, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.local.testing import LocalStack

HOUR = timedelta(hours=1)


class Credential:
    """The service principal's, for whatever scope is asked."""

    def __init__(self, stack: LocalStack, scope: str = "") -> None:
        self._stack, self._scope = stack, scope

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        end = datetime.now(UTC) + HOUR
        return AccessToken(access_token(self._stack, self._scope or scopes[0]), int(end.timestamp()))


def service(stack: LocalStack, scope: str = "") -> BlobServiceClient:
    verify = {"connection_verify": stack.entra["ca_file"], "use_env_settings": False}
    return BlobServiceClient(stack.entra["blob_endpoint"], Credential(stack, scope), retry_total=0, **verify)


@pytest.fixture
def blobs_with_token(aztk_local: LocalStack) -> Iterator[BlobServiceClient]:
    with service(aztk_local) as client:
        yield client


@pytest.fixture
def container(blobs_with_token: BlobServiceClient, name: str) -> Iterator[ContainerClient]:
    found = blobs_with_token.create_container(name[:60].replace("_", "-").strip("-"))
    yield found
    found.delete_container()


@pytest.fixture
def sign(blobs_with_token: BlobServiceClient, container: ContainerClient) -> Callable[..., str]:
    """Sign the container's URL with a user delegation key."""

    def signed(permissions: str = "racwl", expiry: timedelta = HOUR, key_expiry: timedelta = HOUR) -> str:
        now = datetime.now(UTC)
        key = blobs_with_token.get_user_delegation_key(now - HOUR, now + key_expiry)
        token = generate_container_sas(
            str(container.account_name),
            container.container_name,
            user_delegation_key=key,
            permission=ContainerSasPermissions.from_string(permissions),
            expiry=now + expiry,
        )
        return f"{container.url}?{token}"

    return signed


def anonymous(stack: LocalStack, sas_url: str) -> ContainerClient:
    verify = {"connection_verify": stack.entra["ca_file"], "use_env_settings": False}
    return ContainerClient.from_container_url(sas_url, retry_total=0, **verify)


@pytest.mark.wire("documented")
def test_a_token_reads_and_writes(container: ContainerClient) -> None:
    data = b"x" * 300_000
    blob = container.upload_blob("a folder/ä+b %.txt", data, metadata={"name": "value"})
    assert blob.download_blob().readall() == data
    assert blob.download_blob(offset=10, length=5).readall() == b"xxxxx"
    assert blob.get_blob_properties().metadata == {"name": "value"}
    appended = container.get_blob_client("log")
    appended.create_append_blob()
    appended.append_block(b"line")
    container.upload_blob("empty", b"")
    assert sorted(container.list_blob_names()) == ["a folder/ä+b %.txt", "empty", "log"]
    with pytest.raises(HttpResponseError) as caught:
        container.get_blob_client("none").download_blob()
    assert (caught.value.status_code, caught.value.error_code) == (404, "BlobNotFound")


@pytest.mark.wire("documented")
def test_a_delegated_sas_grants_its_permissions_only(
    aztk_local: LocalStack, sign: Callable[..., str], container: ContainerClient
) -> None:
    url = sign("rl")
    assert set(parse_qs(urlsplit(url).query)) >= {"skoid", "sktid", "skt", "ske", "sks", "skv"}
    container.upload_blob("there", b"text")
    with anonymous(aztk_local, url) as client:
        assert client.get_blob_client("there").download_blob().readall() == b"text"
        assert list(client.list_blob_names()) == ["there"]
        with pytest.raises(HttpResponseError) as caught:
            client.upload_blob("new", b"")
        assert (caught.value.status_code, caught.value.error_code) == (403, "AuthorizationPermissionMismatch")
    with anonymous(aztk_local, sign("racwl")) as client:
        client.upload_blob("new", b"data")
        client.get_blob_client("log").create_append_blob()
        client.get_blob_client("log").append_block(b"line")


@pytest.mark.wire("documented")
@pytest.mark.parametrize("name_of_parameter", ["sp", "se", "skoid", "ske", "sr", "sig"])
def test_a_sas_that_was_changed_is_refused(
    aztk_local: LocalStack, sign: Callable[..., str], name_of_parameter: str
) -> None:
    parts = urlsplit(sign("r"))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    changes = {"sp": "rwdl", "se": "2099-01-01T00:00:00Z", "ske": "2099-01-01T00:00:00Z", "sr": "b", "sig": "QUJD"}
    query[name_of_parameter] = changes.get(name_of_parameter, "other")
    answer = ask(aztk_local, parts._replace(path=parts.path + "/there", query=urlencode(query)).geturl())
    assert (answer.status, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


@pytest.mark.wire("documented")
def test_a_sas_of_another_container_is_refused(aztk_local: LocalStack, sign: Callable[..., str]) -> None:
    parts = urlsplit(sign("r"))
    answer = ask(aztk_local, parts._replace(path="/aztklocalblobs/other/there").geturl())
    assert answer.headers["x-ms-error-code"] == "AuthenticationFailed"


@pytest.mark.wire("documented")
def test_a_sas_does_not_outlive_itself_or_its_key(
    aztk_local: LocalStack, sign: Callable[..., str], container: ContainerClient
) -> None:
    container.upload_blob("there", b"")
    for url in (sign(expiry=timedelta(minutes=-30)), sign(expiry=2 * HOUR, key_expiry=HOUR)):
        parts = urlsplit(url)
        answer = ask(aztk_local, parts._replace(path=parts.path + "/there").geturl())
        assert (answer.status, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


@pytest.mark.wire("documented")
def test_a_delegation_key_lives_seven_days_at_most(blobs_with_token: BlobServiceClient) -> None:
    now = datetime.now(UTC)
    blobs_with_token.get_user_delegation_key(now - HOUR, now + timedelta(days=7) - HOUR)
    with pytest.raises(HttpResponseError) as caught:
        blobs_with_token.get_user_delegation_key(now, now + timedelta(days=7, minutes=1))
    assert caught.value.status_code == 400


# github.com/MicrosoftDocs/azure-docs/issues/11564 has the detail's text
@pytest.mark.wire("documented")
@pytest.mark.parametrize(
    ("order", "detail"),
    [
        ({"lifetime": -600}, "Lifetime validation failed. The token is expired."),
        ({"claims": {"iss": "https://sts.windows.net/other/"}}, "Issuer validation failed. Issuer did not match."),
        ({"claims": {"aud": BATCH_SCOPE}}, "Audience validation failed. Audience did not match."),
    ],
)
def test_other_tokens_are_refused(aztk_local: LocalStack, order: dict[str, Any], detail: str) -> None:
    aztk_local.admin.tokens(**order)
    url = f"{aztk_local.entra['blob_endpoint']}?comp=list"
    answer = ask(aztk_local, url, token=access_token(aztk_local, STORAGE_SCOPE))
    assert (answer.status, answer.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")
    assert f"<AuthenticationErrorDetail>{detail}<" in answer.text
    assert "resource_id=https://storage.azure.com" in answer.headers["WWW-Authenticate"]


@pytest.mark.wire("documented")
def test_without_the_role_tokens_keys_and_earlier_sas_are_refused(
    aztk_local: LocalStack, blobs_with_token: BlobServiceClient, sign: Callable[..., str]
) -> None:
    url, now = sign(), datetime.now(UTC)
    aztk_local.admin.missing_role("storage")
    with anonymous(aztk_local, url) as client:
        for call in (
            lambda: list(blobs_with_token.list_containers()),
            lambda: blobs_with_token.get_user_delegation_key(now, now + HOUR),
            lambda: list(client.list_blob_names()),
        ):
            with pytest.raises(HttpResponseError) as caught:
                call()
            assert (caught.value.status_code, caught.value.error_code) == (403, "AuthorizationPermissionMismatch")
    aztk_local.admin.clear()


@pytest.mark.wire("documented")
def test_account_keys_are_taken_unless_the_account_forbids_them(aztk_local: LocalStack) -> None:
    key = {"account_name": aztk_local.blob_account, "account_key": aztk_local.blob_key}
    verify = {"connection_verify": aztk_local.entra["ca_file"], "use_env_settings": False}
    with BlobServiceClient(aztk_local.entra["blob_endpoint"], key, retry_total=0, **verify) as client:
        list(client.list_containers())
        aztk_local.admin.arm(path="*/storageAccounts/*", merge={"properties": {"allowSharedKeyAccess": False}})
        with pytest.raises(HttpResponseError) as caught:
            list(client.list_containers())
    assert (caught.value.status_code, caught.value.error_code) == (403, "KeyBasedAuthenticationNotPermitted")


@pytest.mark.wire("documented")
def test_nothing_is_public(aztk_local: LocalStack, container: ContainerClient) -> None:
    container.upload_blob("there", b"")
    url = f"{container.url}/there"
    assert ask(aztk_local, url).headers["x-ms-error-code"] == "PublicAccessNotPermitted"
    assert ask(aztk_local, url, method="PUT", data=b"").headers["x-ms-error-code"] == "NoAuthenticationInformation"
    with pytest.raises(HttpResponseError) as caught:
        container.set_container_access_policy({}, public_access="container")
    assert caught.value.error_code == "PublicAccessNotPermitted"
    assert ask(aztk_local, url, headers={"Origin": "https://other.example"}).status == 403
