"""Settings of the ``[aztk]`` section of airflow.cfg, and the marker of this deployment."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

__all__ = ["default_deferrable", "default_poll_interval", "deployment_id", "no_deployment_id"]

#: Names that mean another machine in each network: reserved for that (RFC 2606, 6761, 6762, 8375), or used so.
_SHARED_DOMAINS = (
    *("local", "localhost", "localdomain", "internal", "intranet", "private", "corp", "home", "lan"),
    *("test", "example", "invalid", "arpa"),
)
_PLACEHOLDERS = ("example.com", "example.net", "example.org")


def default_deferrable() -> bool:
    """Say whether operators wait without a worker where they are not told otherwise."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def default_poll_interval() -> float:
    """Give the seconds between two looks at Azure Batch."""
    return float(conf.getfloat("aztk", "poll_interval", fallback=30.0))


def deployment_id() -> str:
    """Name this Airflow deployment, the same in every one of its processes; empty where nothing tells it.

    ``[aztk] deployment_id``, or else made of ``[api] base_url``, where that is an address that no other deployment can
    have. ``http://localhost:8080`` is that of any number of them: each would take the clusters of all others for its
    own, find that it knows none of their DAG runs, and delete them.
    """
    configured = str(conf.get("aztk", "deployment_id", fallback="") or "").strip()
    if configured:
        return configured
    base_url = _base_url()
    if not base_url or not _names_one_deployment(base_url):
        return ""
    return f"url-{hashlib.sha256(base_url.encode()).hexdigest()[:20]}"  # no id that somebody chooses looks like it


def no_deployment_id() -> str:
    """Say why this deployment has no name, and what to do about it."""
    base_url = _base_url()
    found = f"[api] base_url={base_url!r} may be the address of other deployments too" if base_url else "none is set"
    return (
        f"[aztk] deployment_id: {found}, so that nothing tells this deployment's clusters from theirs; set it in "
        "airflow.cfg (or AIRFLOW__AZTK__DEPLOYMENT_ID), the same in all processes of this deployment and in no other's"
    )


def _base_url() -> str:
    return str(conf.get("api", "base_url", fallback="") or "").strip().rstrip("/")


def _names_one_deployment(url: str) -> bool:
    """Return whether an address means the same deployment wherever it is used: a public name, or a public IP address.

    A loopback, unspecified or private address, a name without a dot and a name that each network gives to a machine of
    its own do not.
    """
    from ipaddress import ip_address

    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    try:
        address = ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_global
    except ValueError:
        pass
    top = host.rpartition(".")[2]
    if "." not in host or top in _SHARED_DOMAINS or not any(letter.isalpha() for letter in top):
        return False  # a number at the end: a loopback address in another spelling (127.1)
    return not any(host == name or host.endswith(f".{name}") for name in _PLACEHOLDERS)
