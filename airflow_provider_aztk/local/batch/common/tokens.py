"""Access tokens of Microsoft Entra ID: signed JWTs, checked with public keys that the settings hold.

Standard library only, so that the emulator needs no package for cryptography: to check an RSA signature is one power.
See learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens and RFC 7518, section 3.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

__all__ = ["PublicKey", "TokenError", "TokenFault", "TokenRules", "check_token", "encode_part"]

_SKEW = timedelta(minutes=5)  # what the services' libraries grant to clocks
# RFC 8017, section 9.2: what stands before a SHA-256 digest in a signature.
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class TokenFault(StrEnum):
    """Why a token is refused."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"


class TokenError(Exception):
    """A token that is refused.

    :param fault: why.
    :param claims: what the token says, as far as it could be read.
    """

    def __init__(self, fault: TokenFault, claims: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"the token is refused: {fault}")
        self.fault = fault
        self.claims = claims or {}

    def time_of(self, claim: str) -> str:
        """Return a time of the token as error texts have it, such as ``11/25/2026 1:02:03 PM``."""
        value = self.claims.get(claim)
        when = datetime.fromtimestamp(value if isinstance(value, int | float) else 0, UTC)
        return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S %p}"


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """An RSA key that signatures are checked with."""

    modulus: int
    exponent: int = 65537

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Return whether a signature (RS256) is of this key and text."""
        size = (self.modulus.bit_length() + 7) // 8
        if len(signature) != size:
            return False
        found = pow(int.from_bytes(signature), self.exponent, self.modulus).to_bytes(size)
        tail = _SHA256_PREFIX + hashlib.sha256(signed).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
        return hmac.compare_digest(found, wanted)


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """Which tokens a service takes.

    :param keys: the issuer's public keys by their id (``kid``).
    :param issuer: the token's ``iss``.
    :param audiences: the service's names, one of which must be the token's ``aud`` to the letter.
    """

    keys: Mapping[str, PublicKey]
    issuer: str
    audiences: tuple[str, ...]


def encode_part(data: bytes) -> str:
    """Write bytes as a part of a token (base64url without padding)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check_token(text: str, rules: TokenRules) -> dict[str, Any]:
    """Check a token, and return its claims.

    :raises TokenError: it is refused.
    """
    head, body, signature = _parts(text)
    try:
        header, claims = json.loads(_decoded(head)), json.loads(_decoded(body))
    except ValueError as error:
        raise TokenError(TokenFault.MALFORMED) from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("alg") != "RS256":
        raise TokenError(TokenFault.MALFORMED)
    key = rules.keys.get(str(header.get("kid")))
    if key is None or not key.verifies(f"{head}.{body}".encode(), _decoded(signature)):
        raise TokenError(TokenFault.SIGNATURE, claims)
    _check_claims(claims, rules)
    return claims


def _check_claims(claims: dict[str, Any], rules: TokenRules) -> None:
    now = datetime.now(UTC).timestamp()
    times = [claims.get("nbf"), claims.get("exp")]
    if not all(isinstance(time, int | float) for time in times):
        raise TokenError(TokenFault.MALFORMED, claims)
    if claims.get("iss") != rules.issuer:
        raise TokenError(TokenFault.ISSUER, claims)
    if claims.get("aud") not in rules.audiences:
        raise TokenError(TokenFault.AUDIENCE, claims)
    if claims["exp"] + _SKEW.total_seconds() <= now:
        raise TokenError(TokenFault.EXPIRED, claims)
    if claims["nbf"] - _SKEW.total_seconds() > now:
        raise TokenError(TokenFault.NOT_YET_VALID, claims)


def _parts(text: str) -> tuple[str, str, str]:
    parts = text.split(".")
    if len(parts) != 3 or not all(parts):
        raise TokenError(TokenFault.MALFORMED)
    return parts[0], parts[1], parts[2]


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise TokenError(TokenFault.MALFORMED) from error
