"""Orders that concern Microsoft Entra ID: what a look-up shows, which tokens are issued, which roles are missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["ArmOrder", "EntraOrders", "MissingRole", "TokenOrder"]


@dataclass(kw_only=True)
class ArmOrder:
    """What Azure Resource Manager shows or refuses.

    :param path: a pattern of paths, whose case is ignored.
    :param merge: members that replace those of the answer, level by level; a list is replaced as a whole.
    :param status: refuse with this HTTP status; 0: do not refuse.
    :param code: of the refusal.
    """

    path: str = "*"
    merge: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    code: str = ""


@dataclass(kw_only=True)
class TokenOrder:
    """How the issuer answers.

    :param scope: a pattern of what the token is asked for.
    :param claims: members that replace those of the token.
    :param lifetime: of the token, in seconds; negative: it has expired.
    :param error: refuse with this OAuth error, such as ``invalid_client``.
    """

    scope: str = "*"
    claims: dict[str, Any] = field(default_factory=dict)
    lifetime: float | None = None
    error: str = ""


@dataclass(kw_only=True)
class MissingRole:
    """A role that the caller does not have.

    :param service: ``batch`` or ``storage``: for the data; ``delegation``: for user delegation keys, as where the role
        for the data is assigned on a container only; ``arm``: Reader on both accounts.
    """

    service: str = "batch"


class EntraOrders:
    """All orders that are in force; each of them until it is cleared."""

    def __init__(self) -> None:
        self.arm: list[ArmOrder] = []
        self.tokens: list[TokenOrder] = []
        self.missing_roles: list[MissingRole] = []

    def for_arm(self, path: str) -> list[ArmOrder]:
        """Find the orders for a look-up, in the order in which they came."""
        return [order for order in self.arm if fnmatchcase(path.lower(), order.path.lower())]

    def for_token(self, scope: str) -> TokenOrder | None:
        """Find the order for a token: the latest."""
        return next((order for order in reversed(self.tokens) if fnmatchcase(scope, order.scope)), None)

    def misses(self, service: str) -> bool:
        """Return whether a role is missing."""
        return any(order.service == service for order in self.missing_roles)
