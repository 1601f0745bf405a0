"""The admin API's part that concerns Microsoft Entra ID."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.common.errors import invalid_property
from airflow_provider_aztk.local.batch.services.entra_orders import ArmOrder, MissingRole, TokenOrder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aztk.local.batch.services.backend import Backend

__all__ = ["ENTRA_ROUTES"]

_SERVICES = ("batch", "storage", "delegation", "arm")

OrderKind = TypeVar("OrderKind")


def _order(kind: Callable[..., OrderKind], body: dict[str, Any], **types: type | tuple[type, ...]) -> OrderKind:
    """Make an order of a request's body; members that nobody knows are refused."""
    known = sorted(field.name for field in fields(kind))  # type: ignore[arg-type]  # a dataclass, each
    for name, value in body.items():
        if name not in known:
            raise invalid_property(name, value, f"Known are {', '.join(known)}.")
        if isinstance(value, bool) or not isinstance(value, types[name]):
            raise invalid_property(name, value, "The value has the wrong type.")
    return kind(**body)


async def admin_arm(backend: Backend, request: Request) -> Response:
    """Change what Azure Resource Manager shows, or make it refuse."""
    order = _order(ArmOrder, request.json(), path=str, merge=dict, status=int, code=str)
    if order.status and not 400 <= order.status <= 599:
        raise invalid_property("status", order.status, "A status from 400 to 599 is expected.")
    backend.faults.entra.arm.append(order)
    return Response(status=204)


async def admin_tokens(backend: Backend, request: Request) -> Response:
    """Change the tokens that are issued, or make the issuer refuse."""
    order = _order(TokenOrder, request.json(), scope=str, claims=dict, lifetime=(int, float), error=str)
    backend.faults.entra.tokens.append(order)
    return Response(status=204)


async def admin_missing_role(backend: Backend, request: Request) -> Response:
    """Take a role from the caller."""
    order = _order(MissingRole, request.json(), service=str)
    if order.service not in _SERVICES:
        raise invalid_property("service", order.service, f"One of {', '.join(_SERVICES)} is expected.")
    backend.faults.entra.missing_roles.append(order)
    return Response(status=204)


ENTRA_ROUTES: list[tuple[str, str, Callable[[Backend, Request], Awaitable[Response]]]] = [
    ("POST", "/_admin/arm", admin_arm),
    ("POST", "/_admin/tokens", admin_tokens),
    ("POST", "/_admin/missing-roles", admin_missing_role),
]
