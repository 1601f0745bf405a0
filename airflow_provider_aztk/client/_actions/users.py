"""Users on a cluster's nodes, and where to reach the nodes with SSH."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._actions.read_cluster import batch_job, list_nodes, pool_id_of
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._failures import job_failure
from airflow_provider_aztk.client._requests import Action, ClientSecrets, LocalWork, ServiceTime, SideBySide
from airflow_provider_aztk.client.errors import (
    AztkError,
    ClusterFailedError,
    FieldError,
    InvalidConfigurationError,
    ServiceError,
)
from airflow_provider_aztk.client.models import RemoteLogin

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import SecretsConfiguration

Json = dict[str, Any]

SSH_PORT = 22
#: Azure Batch removes the user after this long unless told otherwise.
DEFAULT_EXPIRY = timedelta(days=1)
_MAX_NAME = 20


def create_user(
    cluster_id: str,
    username: str,
    password: str | None = None,
    ssh_key: str | None = None,
    *,
    expiry: timedelta | None = None,
) -> Action[None]:
    """Create an administrator on every node of a cluster, or renew it where it exists.

    :param username: at most 20 letters, digits, ``-`` and ``_``.
    :param password: the password, or
    :param ssh_key: the public key; exactly one of the two, default the secrets' ``ssh_pub_key``.
    :param expiry: how long the user exists; default one day, Azure Batch's own.
    :raises ClusterFailedError: when the cluster has failed or ended, or has no node yet.
    """
    if not ssh_key and not password:
        ssh_key = yield from LocalWork(partial(default_key, (yield from ClientSecrets())))
    check_user(username, password, ssh_key)
    job = yield from batch_job(cluster_id)
    failure = job_failure(job)
    if failure:
        raise ClusterFailedError(f"cluster {cluster_id!r} takes no users: {failure}", id=cluster_id, code=failure.code)
    nodes = yield from _nodes_of(job)
    until = (yield from ServiceTime()) + (expiry or DEFAULT_EXPIRY)  # the service is who removes it
    login = {"sshPublicKey": ssh_key} if ssh_key else {"password": password}
    user = {"isAdmin": True, "expiryTime": until.strftime("%Y-%m-%dT%H:%M:%SZ"), **login}
    ready = [node["id"] for node in nodes if node.get("state") in codes.READY_NODES]
    if not ready:
        raise ClusterFailedError(f"cluster {cluster_id!r} has no node that could take a user yet", id=cluster_id)
    pool_id = str(pool_id_of(job))
    yield from SideBySide([_create_on(pool_id, node, username, user) for node in ready])


def _nodes_of(job: Json) -> Action[list[Json]]:
    pool_id = pool_id_of(job)
    return (yield from list_nodes(pool_id)) if pool_id else []


def _create_on(pool_id: str, node_id: str, username: str, user: Json) -> Action[None]:
    try:
        yield from batch.create_node_user(pool_id, node_id, {"name": username, **user})
    except ServiceError as error:
        if error.code != codes.NODE_USER_EXISTS:
            error.add_note(f"user {username!r} on node {node_id!r}")
            raise
        renewed = {name: value for name, value in user.items() if name != "isAdmin"}
        yield from batch.replace_node_user(pool_id, node_id, username, renewed)


def get_remote_login_settings(cluster_id: str, node_id: str) -> Action[RemoteLogin]:
    """Return where to reach a node with SSH; the cluster must have been created with ``ssh_allowed_sources``.

    :raises ClusterNotFoundError: when there is no such cluster.
    :raises AztkError: when it has no such node, or does not let SSH in.
    """
    nodes = yield from _nodes_of((yield from batch_job(cluster_id)))
    node = next((node for node in nodes if node["id"] == node_id), None)
    if node is None:
        known = ", ".join(str(node["id"]) for node in nodes) or "none"
        raise AztkError(f"cluster {cluster_id!r} has no node {node_id!r}; its nodes: {known}")
    for endpoint in (node.get("endpointConfiguration") or {}).get("inboundEndpoints") or []:
        if endpoint.get("backendPort") == SSH_PORT:
            address = endpoint.get("publicIPAddress") or endpoint.get("publicFQDN")
            return RemoteLogin(ip_address=str(address), port=int(endpoint["frontendPort"]))
    raise AztkError(f"cluster {cluster_id!r} does not let SSH in: create it with ssh_allowed_sources=['YOUR ADDRESS']")


def default_key(secrets: SecretsConfiguration) -> str | None:
    """Return the public key of the secrets: the one that is there, or the public half of the private one."""
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


def check_user(username: str, password: str | None, ssh_key: str | None) -> None:
    """Refuse a name that no node takes, and both or none of password and key."""
    faults = []
    if not username or len(username) > _MAX_NAME or not username.replace("-", "").replace("_", "").isalnum():
        fix = f"use 1 to {_MAX_NAME} letters, digits, hyphens and underscores"
        faults.append(FieldError("username", repr(username), fix))
    if bool(password) == bool(ssh_key):
        given = "both" if password else "neither"
        faults.append(FieldError("password, ssh_key", given, "give exactly one of the two"))
    if faults:
        raise InvalidConfigurationError("create_user", faults)
