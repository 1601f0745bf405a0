"""The part of :class:`AdminClient` that concerns Microsoft Entra ID and Azure Resource Manager."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["EntraOrders"]


class EntraOrders(ABC):
    """Orders that hold until they are cleared."""

    @abstractmethod
    def _inject(self, method: str, path: str, /, **fault: Any) -> None:
        """Send an order; what is None gets the server's default."""

    def arm(
        self,
        *,
        path: str | None = None,
        merge: dict[str, Any] | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        """Change what Azure Resource Manager shows, or make it refuse; until :meth:`clear`.

        :param path: a pattern of paths, whose case is ignored.
        :param merge: members that replace those of the answer, level by level; a list is replaced as a whole.
        :param status: refuse with this HTTP status.
        :param code: the refusal's error code; by default that of the status.
        """
        self._inject("POST", "/arm", path=path, merge=merge, status=status, code=code)

    def tokens(
        self,
        *,
        scope: str | None = None,
        claims: dict[str, Any] | None = None,
        lifetime: float | None = None,
        error: str | None = None,
    ) -> None:
        """Change the tokens that the issuer gives, or make it refuse; until :meth:`clear`.

        :param scope: a pattern of what is asked for, such as ``https://batch.*``.
        :param claims: members that replace those of the token, such as ``aud`` or ``nbf``.
        :param lifetime: seconds; negative: the token has expired.
        :param error: refuse with this OAuth error, such as ``invalid_client``.
        """
        self._inject("POST", "/tokens", scope=scope, claims=claims, lifetime=lifetime, error=error)

    def missing_role(self, service: str) -> None:
        """Take a role from whoever signs in with Entra ID; until :meth:`clear`.

        :param service: ``batch`` or ``storage``: the role for its data; ``delegation``: that for user delegation keys,
            as where the role is assigned on a container only; ``arm``: what allows to look both accounts up.
        """
        self._inject("POST", "/missing-roles", service=service)
