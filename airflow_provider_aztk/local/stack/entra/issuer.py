"""The token issuer: Microsoft Entra ID's and the managed identity's endpoints, as azure-identity asks them."""

from __future__ import annotations

import hmac
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from airflow_provider_aztk.local.batch.common.times import format_time, utcnow
from airflow_provider_aztk.local.batch.common.tokens import TokenError, check_token, encode_part
from airflow_provider_aztk.local.stack.entra.tenant import (
    APPLICATION,
    ARM_AUDIENCES,
    BATCH_AUDIENCES,
    FEDERATION_AUDIENCE,
    STORAGE_AUDIENCES,
    SYSTEM_ASSIGNED,
    TENANT,
    TOKEN_SECONDS,
    USER_ASSIGNED,
    Identity,
    Tenant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.local.batch.services.entra_orders import TokenOrder
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.recorder import Recorder

__all__ = ["METADATA_PATH", "Issuer"]

#: Where a virtual machine's metadata service is; behind it comes a secret.
METADATA_PATH = "/instance-metadata"

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Without their last slash: which one a token is for is as it was asked for.
_RESOURCES = {name.rstrip("/") for name in (*BATCH_AUDIENCES, *ARM_AUDIENCES, *STORAGE_AUDIENCES)}


class _Refusal(NamedTuple):
    """An error of the token endpoint (learn.microsoft.com/entra/identity-platform/reference-error-codes)."""

    status: int
    error: str
    number: int
    text: str


class Issuer:
    """Answers requests for tokens.

    :param tenant: whose.
    :param faults: has the orders.
    :param recorder: notes who asked for what, without secrets.
    """

    def __init__(self, tenant: Tenant, faults: FaultInjector, recorder: Recorder) -> None:
        self._tenant = tenant
        self._faults = faults
        self._recorder = recorder

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/common/discovery/instance", self._instance),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            web.get("/{tenant}/discovery/v2.0/keys", self._keys),
            web.post("/{tenant}/oauth2/v2.0/token", self._token),
            web.get("/msi/token", self._app_service),
            web.get(METADATA_PATH + "/{secret}/metadata/identity/oauth2/token", self._instance_metadata),
        ]

    async def _instance(self, request: web.Request) -> web.Response:
        """Say what Entra ID says of an authority that it does not know."""
        return web.json_response({"error": "invalid_instance", "error_description": "AADSTS50049"}, status=400)

    async def _configuration(self, request: web.Request) -> web.Response:
        """Return the OpenID configuration of the tenant."""
        tenant = request.match_info["tenant"]
        if tenant != TENANT:
            return self._refused(_Refusal(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found."))
        base = f"https://{request.host}"
        return web.json_response(
            {
                "token_endpoint": f"{base}/{TENANT}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{base}/{TENANT}/discovery/v2.0/keys",
                "issuer": f"{base}/{TENANT}/v2.0",
                "authorization_endpoint": f"{base}/{TENANT}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/{TENANT}/oauth2/v2.0/devicecode",
                "tenant_region_scope": None,
                "cloud_instance_name": request.host,
            }
        )

    async def _keys(self, request: web.Request) -> web.Response:
        """Return the keys that tokens are checked with."""
        key = self._tenant.public_key
        numbers = {
            name: encode_part(number.to_bytes((number.bit_length() + 7) // 8))
            for name, number in (("n", key.modulus), ("e", key.exponent))
        }
        entry = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._tenant.key_id, **numbers}
        return web.json_response({"keys": [entry]})

    async def _token(self, request: web.Request) -> web.Response:
        """Give a token to an application: for its secret, or for a federated token (workload identity)."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        scope = form.get("scope", "").split(" ")[0]
        way = "client_assertion" if "client_assertion" in form else "client_secret"
        self._note("issue_token", request, {"client_id": form.get("client_id"), "scope": scope, "by": way})
        order = self._faults.entra.for_token(scope)
        refusal = self._ordered(order) or self._refusal(request.match_info["tenant"], form, scope)
        if refusal is not None:
            return self._refused(refusal)
        lifetime = _lifetime(order)
        token = self._sign(APPLICATION, scope.removesuffix("/.default"), order)
        seconds = max(int(lifetime), TOKEN_SECONDS if lifetime <= 0 else 0)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
        )

    def _refusal(self, tenant: str, form: Mapping[str, str], scope: str) -> _Refusal | None:
        client_id = form.get("client_id", "")
        if tenant != TENANT:
            return _Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _Refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if client_id != APPLICATION.client_id:
            text = f"Application with identifier '{client_id}' was not found in the directory 'aztk-local'."
            return _Refusal(400, "unauthorized_client", 700016, text)
        if not scope.endswith("/.default"):
            return _Refusal(400, "invalid_scope", 1002012, f"The provided value for scope {scope} is not valid.")
        resource = scope.removesuffix("/.default")
        if resource.removesuffix("/") not in _RESOURCES:
            text = f"The resource principal named {resource} was not found in the tenant named aztk-local."
            return _Refusal(400, "invalid_resource", 500011, text)
        return self._refused_credential(form)

    def _refused_credential(self, form: Mapping[str, str]) -> _Refusal | None:
        if "client_assertion" not in form:
            given = form.get("client_secret", "")
            if hmac.compare_digest(given.encode(), self._tenant.client_secret.encode()):
                return None
            return _Refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")
        rules = self._tenant.rules((FEDERATION_AUDIENCE,), self._tenant.federation_issuer)
        try:
            if form.get("client_assertion_type") == _ASSERTION_TYPE:
                check_token(form["client_assertion"], rules)
                return None
        except TokenError:
            pass
        text = "No matching federated identity record found for presented assertion."
        return _Refusal(401, "invalid_client", 700213, text)

    def _ordered(self, order: TokenOrder | None) -> _Refusal | None:
        if order is None or not order.error:
            return None
        status = 401 if order.error == "invalid_client" else 400
        return _Refusal(status, order.error, 7000222, "The provided client secret keys are expired.")

    def _refused(self, refusal: _Refusal) -> web.Response:
        trace = str(uuid.uuid4())
        text = f"AADSTS{refusal.number}: {refusal.text} Trace ID: {trace} Correlation ID: {trace}"
        body = {
            "error": refusal.error,
            "error_description": f"{text} Timestamp: {format_time(utcnow())}",
            "error_codes": [refusal.number],
            "timestamp": format_time(utcnow()),
            "trace_id": trace,
            "correlation_id": trace,
        }
        return web.json_response(body, status=refusal.status)

    async def _app_service(self, request: web.Request) -> web.Response:
        """Answer as App Service does (learn.microsoft.com/azure/app-service/overview-managed-identity)."""
        given = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(given.encode(), self._tenant.identity_header.encode()):
            return web.json_response({"statusCode": 401, "message": "The identity header is wrong."}, status=401)
        identity = self._managed(request)
        if identity is None:
            text = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            return web.json_response({"statusCode": 400, "message": text}, status=400)
        return self._managed_token(request, identity, "app service")

    async def _instance_metadata(self, request: web.Request) -> web.Response:
        """Answer as a virtual machine's metadata service does.

        That asks for no secret, because nobody else reaches it. Here others do, so a secret is part of the path.
        See learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token.
        """
        if not hmac.compare_digest(request.match_info["secret"].encode(), self._tenant.identity_header.encode()):
            return web.json_response({"error": "not_found"}, status=404)
        if request.headers.get("Metadata", "").lower() != "true":
            body = {"error": "bad_request_102", "error_description": "Required metadata header not specified"}
            return web.json_response(body, status=400)
        identity = self._managed(request)
        if identity is None:
            body = {"error": "invalid_request", "error_description": "Identity not found"}
            return web.json_response(body, status=400)
        return self._managed_token(request, identity, "machine")

    def _managed(self, request: web.Request) -> Identity | None:
        client_id = request.query.get("client_id")
        known = {identity.client_id: identity for identity in (SYSTEM_ASSIGNED, USER_ASSIGNED)}
        return SYSTEM_ASSIGNED if client_id is None else known.get(client_id)

    def _managed_token(self, request: web.Request, identity: Identity, by: str) -> web.Response:
        resource = request.query.get("resource", "")
        asked = {"client_id": request.query.get("client_id"), "resource": resource, "by": by}
        self._note("managed_identity_token", request, asked)
        order = self._faults.entra.for_token(resource)
        refusal = self._ordered(order)
        if refusal is not None or resource.removesuffix("/") not in _RESOURCES:
            body = {"error": "invalid_resource", "error_description": f"AADSTS500011: {resource} was not found."}
            return web.json_response(body, status=400)
        lifetime = _lifetime(order)
        seconds = int(lifetime) if lifetime > 0 else TOKEN_SECONDS
        return web.json_response(
            {
                "access_token": self._sign(identity, resource, order),
                "client_id": identity.client_id,
                "expires_in": str(seconds),
                "expires_on": str(int(time.time()) + seconds),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _sign(self, identity: Identity, audience: str, order: TokenOrder | None) -> str:
        return self._tenant.access_token(identity, audience, _lifetime(order), order.claims if order else None)

    def _note(self, operation: str, request: web.Request, asked: dict[str, Any]) -> None:
        record = {"operation": operation, "method": request.method, "asked": asked}
        self._recorder.note({**record, "path": "", "query": "", "headers": {}, "body": "", "status": 0})


def _lifetime(order: TokenOrder | None) -> float:
    return TOKEN_SECONDS if order is None or order.lifetime is None else order.lifetime
