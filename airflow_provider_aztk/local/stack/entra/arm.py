"""Azure Resource Manager, as far as the product asks it: the two accounts, sizes of machines, permissions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from airflow_provider_aztk.local.batch.common.tokens import TokenError, TokenFault, check_token
from airflow_provider_aztk.local.stack.entra.resources import LOCATION, RESOURCE_GROUP, Accounts, sizes
from airflow_provider_aztk.local.stack.entra.roles import permissions
from airflow_provider_aztk.local.stack.entra.tenant import ARM_AUDIENCES, SUBSCRIPTION, Tenant

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.recorder import Recorder

__all__ = ["ResourceManager", "merged"]

_AUTHORIZATION = ("providers", "microsoft.authorization", "permissions")
_CODES = {403: "AuthorizationFailed", 404: "ResourceNotFound", 409: "Conflict", 429: "TooManyRequests"}


class _RefusedError(Exception):
    """A request that is refused, with the error of the body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _Resource(NamedTuple):
    """What a path leads to.

    :param reader: whether the Reader role is needed to see it.
    """

    body: dict[str, Any]
    action: str
    reader: bool = True


class ResourceManager:
    """Answers look-ups.

    :param accounts: what there is to see.
    :param tenant: whose tokens are taken.
    :param faults: has the orders.
    :param recorder: notes who asked for what.
    """

    def __init__(self, accounts: Accounts, tenant: Tenant, faults: FaultInjector, recorder: Recorder) -> None:
        self._accounts = accounts
        self._rules = tenant.rules(ARM_AUDIENCES)
        self._faults = faults
        self._recorder = recorder

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [web.route("*", "/subscriptions{rest:.*}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            body, status = self._look_up(request), 200
        except _RefusedError as error:
            body, status = {"error": {"code": error.code, "message": error.message}}, error.status
        record = {"operation": "arm", "method": request.method, "path": request.path, "query": request.query_string}
        self._recorder.note({**record, "headers": {}, "body": "", "status": status})
        return web.json_response(body, status=status)

    def _look_up(self, request: web.Request) -> dict[str, Any]:
        claims = self._caller(request.headers.get("Authorization", ""))
        if not request.query.get("api-version"):
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise _RefusedError(400, "MissingApiVersionParameter", text)
        if request.method != "GET":
            raise _RefusedError(405, "HttpMethodNotAllowed", f"The local stack serves no {request.method} here.")
        found = self._find(request.path)
        if found.reader and self._faults.entra.misses("arm"):
            raise _RefusedError(403, "AuthorizationFailed", _no_role(claims, found.action, request.path))
        body = copy.deepcopy(found.body)
        for order in self._faults.entra.for_arm(request.path):
            if order.status:
                code = order.code or _CODES.get(order.status, "InternalServerError")
                known = {"AuthorizationFailed": _no_role(claims, found.action, request.path)}
                raise _RefusedError(order.status, code, known.get(code, "The look-up was refused by an order."))
            body = merged(body, order.merge)
        return body

    def _caller(self, authorization: str) -> Mapping[str, Any]:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            text = "Authentication failed. The 'Authorization' header is missing."
            raise _RefusedError(401, "AuthenticationFailed", text)
        try:
            return check_token(token.strip(), self._rules)
        except TokenError as error:
            raise _refused_token(error) from error

    def _find(self, path: str) -> _Resource:
        parts = [part.lower() for part in path.strip("/").split("/")]
        if parts[:2] != ["subscriptions", SUBSCRIPTION]:
            text = f"The subscription '{parts[1] if len(parts) > 1 else ''}' could not be found."
            raise _RefusedError(404, "SubscriptionNotFound", text)
        rest = tuple(parts[2:])
        prefix = ("providers", "microsoft.batch", "locations")
        if rest[:3] == prefix and rest[4:] == ("virtualmachineskus",):
            value = sizes() if rest[3] == LOCATION else []
            return _Resource({"value": value}, "Microsoft.Batch/locations/virtualMachineSkus/read")
        if rest[:1] != ("resourcegroups",) or rest[1:2] != (RESOURCE_GROUP,):
            group = rest[1] if len(rest) > 1 else ""
            raise _RefusedError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        found = self._resources().get(rest[2:])
        if found is None:
            text = f"The Resource '{'/'.join(path.split('/')[6:])}' under resource group '{rest[1]}' was not found."
            raise _RefusedError(404, "ResourceNotFound", text)
        return found

    def _resources(self) -> dict[tuple[str, ...], _Resource]:
        accounts = self._accounts
        batch = ("providers", "microsoft.batch", "batchaccounts", accounts.batch_name.lower())
        storage = ("providers", "microsoft.storage", "storageaccounts", accounts.storage_name.lower())
        read = "Microsoft.Authorization/permissions/read"
        found = {
            batch: _Resource(accounts.batch(), "Microsoft.Batch/batchAccounts/read"),
            # Everybody may ask for their own permissions.
            (*batch, *_AUTHORIZATION): _Resource({"value": permissions("batch", self._faults.entra)}, read, False),
        }
        if accounts.blob_url is None:
            return found
        blob_read = "Microsoft.Storage/storageAccounts/blobServices/read"
        return {
            **found,
            storage: _Resource(accounts.storage(), "Microsoft.Storage/storageAccounts/read"),
            (*storage, "blobservices", "default"): _Resource(accounts.blob_service(), blob_read),
            (*storage, *_AUTHORIZATION): _Resource({"value": permissions("storage", self._faults.entra)}, read, False),
        }

    def allows_keys(self) -> bool:
        """Return whether the storage account takes its keys, as the orders have it."""
        body: dict[str, Any] = self._accounts.storage()
        for order in self._faults.entra.for_arm(self._accounts.storage_id):
            body = merged(body, order.merge)
        return body["properties"].get("allowSharedKeyAccess") is not False


def merged(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with some members replaced, level by level."""
    found = dict(body)
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = merged(found[name], value) if both else value
    return found


def _no_role(claims: Mapping[str, Any], action: str, scope: str) -> str:
    return (
        f"The client '{claims.get('appid')}' with object id '{claims.get('oid')}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials."
    )


def _refused_token(error: TokenError) -> _RefusedError:
    if error.fault is TokenFault.AUDIENCE:
        text = (
            f"The access token has been obtained for wrong audience or resource '{error.claims.get('aud')}'. It should "
            f"exactly match with one of the allowed audiences {','.join(repr(name) for name in ARM_AUDIENCES)}."
        )
        return _RefusedError(401, "InvalidAuthenticationTokenAudience", text)
    if error.fault is TokenFault.EXPIRED:
        text = f"The access token expiry UTC time '{error.time_of('exp')}' is earlier than current UTC time."
        return _RefusedError(401, "ExpiredAuthenticationToken", text)
    if error.fault is TokenFault.ISSUER:
        text = f"The access token is from the wrong issuer '{error.claims.get('iss')}'."
        return _RefusedError(401, "InvalidAuthenticationTokenTenant", text)
    return _RefusedError(401, "InvalidAuthenticationToken", f"The access token is invalid: {error.fault}.")
