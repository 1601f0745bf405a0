"""Signing in to a local stack from its tests, without azure-identity where the wire is what is checked."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.local.testing import LocalStack

BATCH_SCOPE = "https://batch.core.windows.net//.default"
ARM_SCOPE = "https://management.azure.com/.default"
STORAGE_SCOPE = "https://storage.azure.com/.default"


class Answer(NamedTuple):
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.text)


def ask(
    stack: LocalStack,
    url: str,
    *,
    method: str | None = None,
    token: str | None = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request over https.

    :param token: an access token.
    """
    sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, data=data, headers=sent, method=method)
    handler = urllib.request.HTTPSHandler(context=_trust(stack.entra["ca_file"]))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
    try:
        with opener.open(request, timeout=30) as found:
            return Answer(found.status, found.headers, found.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


@cache
def _trust(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def token_answer(stack: LocalStack, **changes: str) -> Answer:
    """Ask the issuer for a token, as the service principal."""
    tenant = changes.pop("tenant", stack.entra["tenant_id"])
    form = {
        "grant_type": "client_credentials",
        "client_id": stack.entra["client_id"],
        "client_secret": stack.entra["client_secret"],
        "scope": BATCH_SCOPE,
        **changes,
    }
    url = f"{stack.entra['authority_host']}/{tenant}/oauth2/v2.0/token"
    return ask(stack, url, data=urlencode({name: value for name, value in form.items() if value}).encode())


def access_token(stack: LocalStack, scope: str) -> str:
    """Return an access token of the service principal."""
    token: str = token_answer(stack, scope=scope).json["access_token"]
    return token
