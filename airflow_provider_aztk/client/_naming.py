"""Names that follow from an id: the container, the prefix of the pool, the owner's metadata."""

from __future__ import annotations

import hashlib
import re

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError
from airflow_provider_aztk.node import contract

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

MODE = "aztk_mode"
MODE_CLUSTER = contract.MODE_CLUSTER
MODE_JOB = contract.MODE_JOB
DEFINITION = "aztk_definition"
VERSION = "aztk_version"
CLUSTER_ID = "aztk_id"
NODES = "aztk_nodes"
APPLICATIONS = "aztk_applications"
WORKERS = "aztk_workers"
#: Seconds after which a job without a pool counts as failed.
POOL_TIMEOUT = "aztk_pool_timeout"
#: On a container, of which a deletion has kept the logs.
KEPT = "aztk_kept"


def is_id(id: object) -> bool:
    """Return whether there can be a thing of this id."""
    return isinstance(id, str) and _ID.fullmatch(id) is not None


def checked_id(id: str, what: str = "id") -> str:
    """Return an id, if there can be a thing of this id: an empty one in a path would mean all things there are.

    :raises InvalidConfigurationError: for anything else.
    """
    if not is_id(id):
        fault = FieldError(what, repr(id)[:80], "use 1 to 64 letters, digits, hyphens and underscores")
        raise InvalidConfigurationError("request", [fault])
    return id


def container_name(id: str) -> str:
    """Name the blob container of a cluster or job: ``aztk-<slug of the id>-<8 hex of its hash>``.

    Ids differ by more than their case; container names are lower case, without underscores, at most 63 characters
    (learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
    """
    checked_id(id)
    slug = re.sub(r"[^a-z0-9]+", "-", id.lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(id.lower().encode()).hexdigest()[:8]
    return f"aztk-{slug}-{digest}" if slug else f"aztk-{digest}"


def pool_prefix(id: str) -> str:
    """Name the beginning of the auto-pool's id, of which Batch allows 20 characters."""
    return ("aztk-" + re.sub(r"[^A-Za-z0-9_-]", "-", id))[:20]


def from_metadata(metadata: list[dict[str, str]] | None) -> dict[str, str]:
    """Turn Batch's list of names and values into a dict."""
    return {item["name"]: item.get("value", "") for item in metadata or []}


def to_metadata(values: dict[str, str]) -> list[dict[str, str]]:
    """Turn a dict into Batch's list of names and values."""
    return [{"name": name, "value": value} for name, value in values.items()]
