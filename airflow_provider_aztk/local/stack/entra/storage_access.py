"""Who may use the blobs, decided as Azure Storage does it with Microsoft Entra ID, and what Azurite is sent instead.

Azurite itself takes any bearer token without checking its signature, and over https only; it knows no roles.
See learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory and
.../get-user-delegation-key.
"""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from airflow_provider_aztk.local.batch.common.times import format_http, parse_time, utcnow
from airflow_provider_aztk.local.batch.common.tokens import TokenError, TokenFault, check_token
from airflow_provider_aztk.local.stack.entra.storage_signing import (
    delegated_text,
    key_signature,
    service_sas,
    shared_key,
)
from airflow_provider_aztk.local.stack.entra.tenant import STORAGE_AUDIENCES, TENANT, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_aztk.local.batch.services.entra_orders import EntraOrders

__all__ = ["Passed", "StorageAccess", "StorageRefusalError"]

_LONGEST_KEY = timedelta(days=7)
_KEY_SERVICE, _OLDEST_KEY_VERSION = "b", "2018-11-09"
#: The parameters of a SAS.
_SAS_NAMES = frozenset(
    {
        *("sv", "ss", "srt", "sp", "st", "se", "sr", "sip", "spr", "sig", "si", "ses", "srh", "srq"),
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "skdutid", "sduoid"),
        *("rscc", "rscd", "rsce", "rscl", "rsct"),
    }
)
_SIGNATURE = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)
_BEARER = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
_NO_PERMISSION = "This request is not authorized to perform this operation using this permission."
_NO_KEYS = "Key based authentication is not permitted on this storage account."
_NOT_PUBLIC = "Public access is not permitted on this storage account."


class StorageRefusalError(Exception):
    """A request that is refused, with the error that Azure Storage answers."""

    def __init__(self, status: int, code: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail = status, code, message, detail

    def body(self) -> bytes:
        """Return the answer's body."""
        more = f"<AuthenticationErrorDetail>{escape(self.detail)}</AuthenticationErrorDetail>" if self.detail else ""
        text = f"<Error><Code>{self.code}</Code><Message>{self.message}\nTime:{utcnow().isoformat()}</Message>{more}"
        return f'<?xml version="1.0" encoding="utf-8"?>{text}</Error>'.encode()

    def headers(self) -> dict[str, str]:
        """Return the answer's headers; from a challenge the SDK learns where to sign in, and for what."""
        found = {"x-ms-error-code": self.code, "Content-Type": "application/xml"}
        if self.status == 401:
            authority = f"https://login.microsoftonline.com/{TENANT}/oauth2/authorize"
            challenge = f"Bearer authorization_uri={authority} resource_id=https://storage.azure.com"
            found["WWW-Authenticate"] = challenge
        return found


class Passed(NamedTuple):
    """What Azurite is sent in the place of a request: its query, and further headers."""

    query: str
    headers: dict[str, str]


class StorageAccess:
    """Decides who may use one storage account.

    :param account: its name.
    :param key: its key, base64.
    :param tenant: whose tokens are taken.
    :param orders: which roles are missing.
    :param allows_keys: whether the account takes its keys.
    """

    def __init__(
        self, account: str, key: str, tenant: Tenant, orders: Callable[[], EntraOrders], allows_keys: Callable[[], bool]
    ) -> None:
        self._account = account
        self._key = base64.b64decode(key)
        self._tenant = tenant
        self._rules = tenant.rules((*STORAGE_AUDIENCES, f"https://{account}.blob.core.windows.net"))
        self._orders = orders
        self._allows_keys = allows_keys

    def admit(self, method: str, raw_path: str, raw_query: str, headers: Mapping[str, str]) -> Passed:
        """Return what to send instead of a request.

        :param headers: names in lower case.
        :raises StorageRefusalError: the request is refused.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        query = dict(parse_qsl(raw_query, keep_blank_values=True))
        if "x-ms-blob-public-access" in headers:
            raise StorageRefusalError(409, "PublicAccessNotPermitted", _NOT_PUBLIC)
        if scheme.lower() == "bearer":
            self._check_token(token)
            dated = {"x-ms-date": headers.get("x-ms-date") or format_http(utcnow())}
            signed = {**headers, **dated}
            return Passed(
                raw_query,
                {**dated, "authorization": shared_key(self._account, self._key, method, raw_path, raw_query, signed)},
            )
        if "skoid" in query:
            return Passed(self._delegated(raw_path, query), {})
        if scheme or "sig" in query:
            if not self._allows_keys():
                raise StorageRefusalError(403, "KeyBasedAuthenticationNotPermitted", _NO_KEYS)
            return Passed(raw_query, {"authorization": headers["authorization"]} if scheme else {})
        if method in ("GET", "HEAD"):
            raise StorageRefusalError(409, "PublicAccessNotPermitted", _NOT_PUBLIC)
        raise StorageRefusalError(401, "NoAuthenticationInformation", _BEARER)

    def delegation_key(self, authorization: str, version: str, body: bytes) -> bytes:
        """Return the XML of a user delegation key.

        :param version: ``x-ms-version`` of the request.
        :raises StorageRefusalError: the caller may have none.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            text = "Only authentication scheme Bearer is supported."
            raise StorageRefusalError(403, "AuthenticationFailed", _SIGNATURE, text)
        claims = self._check_token(token)
        if self._orders().misses("delegation"):
            raise StorageRefusalError(403, "AuthorizationPermissionMismatch", _NO_PERMISSION)
        start, expiry = _times(body)
        fields = {
            "SignedOid": str(claims["oid"]),
            "SignedTid": str(claims["tid"]),
            "SignedStart": start,
            "SignedExpiry": expiry,
            "SignedService": _KEY_SERVICE,
            "SignedVersion": version or _OLDEST_KEY_VERSION,
        }
        value = base64.b64encode(self._delegation_key(list(fields.values()))).decode()
        members = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in {**fields, "Value": value}.items())
        return f'<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>{members}</UserDelegationKey>'.encode()

    def _delegation_key(self, fields: list[str]) -> bytes:
        """Return a key's value: made of its fields, so that none needs to be remembered."""
        return base64.b64decode(key_signature(self._tenant.delegation_secret, "\n".join(fields)))

    def _check_token(self, token: str) -> dict[str, Any]:
        try:
            claims = check_token(token.strip(), self._rules)
        except TokenError as error:
            raise StorageRefusalError(401, "InvalidAuthenticationInfo", _BEARER, _detail(error)) from error
        self._check_role()
        return claims

    def _check_role(self) -> None:
        if self._orders().misses("storage"):
            raise StorageRefusalError(403, "AuthorizationPermissionMismatch", _NO_PERMISSION)

    def _delegated(self, raw_path: str, query: Mapping[str, str]) -> str:
        """Check a user delegation SAS, and return the query with one of the account's key in its place."""
        names = ("skoid", "sktid", "skt", "ske", "sks", "skv")
        key = self._delegation_key([query.get(name, "") for name in names])
        text = delegated_text(self._account, raw_path, query)
        if text is None or "srh" in query or "srq" in query:
            raise StorageRefusalError(403, "AuthenticationFailed", _SIGNATURE, "The local stack knows no such SAS.")
        if not hmac.compare_digest(key_signature(key, text), query.get("sig", "")):
            raise StorageRefusalError(403, "AuthenticationFailed", _SIGNATURE, "Signature did not match.")
        _check_times(query)
        # A SAS grants no more than its signer may do at this moment.
        self._check_role()
        rest = [(name, value) for name, value in query.items() if name not in _SAS_NAMES]
        found = service_sas(self._account, self._key, raw_path, query)
        return urlencode([*rest, *found.items()], quote_via=quote)


def _times(body: bytes) -> tuple[str, str]:
    """Read start and expiry of the key that is asked for."""
    refusal = StorageRefusalError(400, "InvalidXmlNodeValue", "The value for one of the XML nodes is not correct.")
    try:
        info = ElementTree.fromstring(body)
        start, expiry = info.findtext("Start") or "", info.findtext("Expiry") or ""
        begins, ends = parse_time(start) if start else utcnow(), parse_time(expiry)
    except (ElementTree.ParseError, ValueError) as error:
        raise refusal from error
    if ends <= max(begins, utcnow()) or ends > utcnow() + _LONGEST_KEY or begins > utcnow() + _LONGEST_KEY:
        raise refusal
    return start, expiry


def _check_times(query: Mapping[str, str]) -> None:
    try:
        start, expiry = parse_time(query["skt"]), parse_time(query["ske"])
        begins, end = parse_time(query.get("st") or query["skt"]), parse_time(query["se"])
    except (KeyError, ValueError) as error:
        raise StorageRefusalError(403, "AuthenticationFailed", _SIGNATURE, "A time is missing.") from error
    now = utcnow()
    if not begins <= now <= end:
        window = f"Start [{query.get('st', '')}] - Expiry [{query['se']}] - Current [{format_http(now)}]"
        detail = f"Signature not valid in the specified time frame: {window}"
        raise StorageRefusalError(403, "AuthenticationFailed", _SIGNATURE, detail)
    if not start <= now <= expiry or end > expiry:
        window = f"Start [{query['skt']}] - Expiry [{query['ske']}] - Current [{format_http(now)}]"
        detail = f"Signature not valid in the specified key time frame: {window}"
        raise StorageRefusalError(403, "AuthenticationFailed", _SIGNATURE, detail)


def _detail(error: TokenError) -> str:
    known = {
        TokenFault.EXPIRED: "Lifetime validation failed. The token is expired.",
        TokenFault.NOT_YET_VALID: "Lifetime validation failed.",
        TokenFault.AUDIENCE: "Audience validation failed. Audience did not match.",
        TokenFault.ISSUER: "Issuer validation failed. Issuer did not match.",
        TokenFault.SIGNATURE: "Signature validation failed.",
    }
    return known.get(error.fault, "Authentication scheme Bearer is not supported.")
