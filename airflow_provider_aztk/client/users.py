"""Users on a cluster's nodes, and where to reach the nodes with SSH."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_responses
from airflow_provider_aztk.client._account import parallel
from airflow_provider_aztk.client.errors import (
    AztkError,
    ClusterFailedError,
    FieldError,
    InvalidConfigurationError,
    ServiceError,
)
from airflow_provider_aztk.client.models import RemoteLogin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.client._account import Account
    from airflow_provider_aztk.client.clusters import Clusters
    from airflow_provider_aztk.client.models import SecretsConfiguration

SSH_PORT = 22
#: Azure Batch removes the user after this long unless told otherwise.
DEFAULT_EXPIRY = timedelta(days=1)
_MAX_NAME = 20
_READY_NODES = ("idle", "running")


class Users:
    """What can be done with users; :class:`~airflow_provider_aztk.client.Client` is its public face."""

    def __init__(self, account: Account, clusters: Clusters) -> None:
        self._account = account
        self._clusters = clusters

    def create(
        self, cluster_id: str, username: str, password: str | None, ssh_key: str | None, expiry: timedelta | None
    ) -> None:
        """Create an administrator on every node, or renew it where it exists."""
        ssh_key = ssh_key or (None if password else _default_key(self._account.secrets))
        _check(username, password, ssh_key)
        login = {"sshPublicKey": ssh_key} if ssh_key else {"password": password}
        job = self._clusters.job(cluster_id)
        failure = _batch_responses.job_failure(job)
        if failure:
            raise ClusterFailedError(
                f"cluster {cluster_id!r} takes no users: {failure}", id=cluster_id, code=failure.code
            )
        pool_id, found = self._nodes_of(job)
        until = self._account.clock.now() + (expiry or DEFAULT_EXPIRY)  # the service is who removes it
        user = {"isAdmin": True, "expiryTime": until.strftime("%Y-%m-%dT%H:%M:%SZ"), **login}
        nodes = [node["id"] for node in found if node.get("state") in _READY_NODES]
        if not nodes:
            raise ClusterFailedError(f"cluster {cluster_id!r} has no node that could take a user yet", id=cluster_id)
        parallel(lambda node: self._create_on(pool_id, node, username, user), nodes)

    def _nodes(self, cluster_id: str) -> tuple[str, Sequence[dict[str, Any]]]:
        return self._nodes_of(self._clusters.job(cluster_id))

    def _nodes_of(self, job: dict[str, Any]) -> tuple[str, Sequence[dict[str, Any]]]:
        pool_id = (job.get("executionInfo") or {}).get("poolId")
        return (str(pool_id), self._clusters.nodes(pool_id)) if pool_id else ("", [])

    def _create_on(self, pool_id: str, node_id: str, username: str, user: dict[str, Any]) -> None:
        try:
            self._account.batch.create_node_user(pool_id, node_id, {"name": username, **user})
        except ServiceError as error:
            if error.code != "NodeUserExists":
                error.add_note(f"user {username!r} on node {node_id!r}")
                raise
            renewed = {name: value for name, value in user.items() if name != "isAdmin"}
            self._account.batch.replace_node_user(pool_id, node_id, username, renewed)

    def remote_login(self, cluster_id: str, node_id: str) -> RemoteLogin:
        """Say where a node's SSH port can be reached from outside."""
        _, nodes = self._nodes(cluster_id)
        node = next((node for node in nodes if node["id"] == node_id), None)
        if node is None:
            known = ", ".join(str(node["id"]) for node in nodes) or "none"
            raise AztkError(f"cluster {cluster_id!r} has no node {node_id!r}; its nodes: {known}")
        for endpoint in (node.get("endpointConfiguration") or {}).get("inboundEndpoints") or []:
            if endpoint.get("backendPort") == SSH_PORT:
                address = endpoint.get("publicIPAddress") or endpoint.get("publicFQDN")
                return RemoteLogin(ip_address=str(address), port=int(endpoint["frontendPort"]))
        raise AztkError(
            f"cluster {cluster_id!r} does not let SSH in: create it with ssh_allowed_sources=['YOUR ADDRESS']"
        )


def _default_key(secrets: SecretsConfiguration) -> str | None:
    """Give the public key of the secrets: the one that is there, or the public half of the private one."""
    if secrets.ssh_pub_key or not secrets.ssh_priv_key:
        return secrets.ssh_pub_key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

    text = secrets.ssh_priv_key
    if "\n" not in text and Path(text).expanduser().is_file():
        text = Path(text).expanduser().read_text(encoding="utf-8")
    try:
        private = load_ssh_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        fix = "give an OpenSSH or PEM private key without a passphrase, or give ssh_pub_key"
        raise InvalidConfigurationError("secrets", [FieldError("ssh_priv_key", "'***'", fix)]) from error
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _check(username: str, password: str | None, ssh_key: str | None) -> None:
    faults = []
    if not username or len(username) > _MAX_NAME or not username.replace("-", "").replace("_", "").isalnum():
        fix = f"use 1 to {_MAX_NAME} letters, digits, hyphens and underscores"
        faults.append(FieldError("username", repr(username), fix))
    if bool(password) == bool(ssh_key):
        given = "both" if password else "neither"
        faults.append(FieldError("password, ssh_key", given, "give exactly one of the two"))
    if faults:
        raise InvalidConfigurationError("create_user", faults)
