"""The directory of one stack: its ids, its identities, the key that its tokens are signed with."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from airflow_provider_aztk.local.batch.common.tokens import PublicKey, TokenRules, encode_part

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ARM_AUDIENCES",
    "BATCH_AUDIENCES",
    "FEDERATION_AUDIENCE",
    "STORAGE_AUDIENCES",
    "SUBSCRIPTION",
    "TENANT",
    "Identity",
    "Tenant",
]

TENANT = "7e4a0000-0000-4000-8000-000000000001"
SUBSCRIPTION = "5b500000-0000-4000-8000-000000000001"
TOKEN_SECONDS = 3600
_CLOUDS = ("management.azure.com", "management.chinacloudapi.cn", "management.usgovcloudapi.net")
_CORES = ("core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net")

# The names of each service in the three clouds, as the Azure CLI has them (azure/cli/core/cloud.py). Batch takes its
# own with the slash at the end only; Resource Manager and Storage take theirs with and without.
BATCH_AUDIENCES = (
    "https://batch.core.windows.net/",
    "https://batch.chinacloudapi.cn/",
    "https://batch.core.usgovcloudapi.net/",
)
ARM_AUDIENCES = tuple(
    f"https://{host}{slash}" for host in (*(f"management.{core}" for core in _CORES), *_CLOUDS) for slash in ("/", "")
)
STORAGE_AUDIENCES = ("https://storage.azure.com/", "https://storage.azure.com")
#: learn.microsoft.com/entra/workload-id/workload-identity-federation
FEDERATION_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Somebody who can sign in.

    :param kind: ``application`` (by its secret or a federated credential) or ``managed``.
    :param client_id: the application's id.
    :param object_id: of its service principal.
    """

    kind: str
    client_id: str
    object_id: str


#: The service principal, the managed identity of the machine, and one that was assigned to it by a user.
APPLICATION = Identity(
    kind="application",
    client_id="c11e0000-0000-4000-8000-000000000001",
    object_id="0b1ec700-0000-4000-8000-000000000001",
)
SYSTEM_ASSIGNED = Identity(
    kind="managed",
    client_id="c11e0000-0000-4000-8000-000000000002",
    object_id="0b1ec700-0000-4000-8000-000000000002",
)
USER_ASSIGNED = Identity(
    kind="managed",
    client_id="c11e0000-0000-4000-8000-000000000003",
    object_id="0b1ec700-0000-4000-8000-000000000003",
)


@dataclass(frozen=True)
class Tenant:
    """The directory: new keys and secrets at each start."""

    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)
    identity_header: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)
    delegation_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    key_id: str = field(default_factory=lambda: secrets.token_hex(10))
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)

    @property
    def issuer(self) -> str:
        """The ``iss`` of access tokens; Azure's own services get version 1 tokens from either endpoint."""
        return f"https://sts.windows.net/{TENANT}/"

    @property
    def federation_issuer(self) -> str:
        """The ``iss`` of the tokens that a Kubernetes cluster gives its pods."""
        return f"https://oidc.invalid/{TENANT}/"

    @property
    def public_key(self) -> PublicKey:
        """The key that signatures are checked with."""
        numbers = self.key.public_key().public_numbers()
        return PublicKey(modulus=numbers.n, exponent=numbers.e)

    def rules(self, audiences: tuple[str, ...], issuer: str = "") -> TokenRules:
        """Return which tokens a service takes."""
        return TokenRules(keys={self.key_id: self.public_key}, issuer=issuer or self.issuer, audiences=audiences)

    def access_token(
        self, identity: Identity, audience: str, lifetime: float, changes: Mapping[str, Any] | None = None
    ) -> str:
        """Sign an access token.

        :param lifetime: seconds; negative: it has expired.
        :param changes: other claims.
        """
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": min(now, now + int(lifetime)) - 300,
            "exp": now + int(lifetime),
            "appid": identity.client_id,
            "appidacr": "1" if identity.kind == "application" else "2",
            "idp": self.issuer,
            "idtyp": "app",
            "oid": identity.object_id,
            "sub": identity.object_id,
            "tid": TENANT,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
        }
        return self.sign({**claims, **(changes or {})})

    def federated_token(self) -> str:
        """Sign what stands in ``AZURE_FEDERATED_TOKEN_FILE`` of a pod."""
        now = int(time.time())
        times = {"iat": now, "nbf": now, "exp": now + 365 * 86400}
        subject = "system:serviceaccount:airflow:worker"
        return self.sign({"aud": FEDERATION_AUDIENCE, "iss": self.federation_issuer, "sub": subject, **times})

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign a token (RS256)."""
        header = {"typ": "JWT", "alg": "RS256", "x5t": self.key_id, "kid": self.key_id}
        text = ".".join(encode_part(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encode_part(signature)}"
