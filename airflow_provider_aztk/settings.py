"""Settings of the ``[aztk]`` section of airflow.cfg, described in ``get_provider_info.py``, and the deployment's id."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

__all__ = ["default_deferrable", "default_poll_interval", "deployment_id", "no_deployment_id"]

#: Top-level domains that mean another machine in each network, reserved (RFC 2606, 6761, 6762, 8375) or by custom.
_SHARED_DOMAINS = (
    *("local", "localhost", "localdomain", "internal", "intranet", "private", "corp", "home", "lan"),
    *("test", "example", "invalid", "arpa"),
)
_PLACEHOLDERS = ("example.com", "example.net", "example.org")


def default_deferrable() -> bool:
    """Return ``[operators] default_deferrable``: whether a wait is deferred where the operator does not say."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def default_poll_interval() -> float:
    """Return ``[aztk] poll_interval``, the seconds between two polls of Azure Batch; default 30."""
    return float(conf.getfloat("aztk", "poll_interval", fallback=30.0))


def deployment_id() -> str:
    """Return the id of this Airflow deployment, the same in each of its processes, or an empty text if there is none.

    It is ``[aztk] deployment_id``, or else a hash of ``[api] base_url``, if no other deployment can have that address.
    Many deployments have ``http://localhost:8080``: with an id made of it, each would take the clusters of the others
    for its own, find none of their DAG runs, and delete them.
    """
    configured = str(conf.get("aztk", "deployment_id", fallback="") or "").strip()
    if configured:
        return configured
    base_url = _base_url()
    if not base_url or not _names_one_deployment(base_url):
        return ""
    return f"url-{hashlib.sha256(base_url.encode()).hexdigest()[:20]}"  # unlike any id that a user chooses


def no_deployment_id() -> str:
    """Return why this deployment has no id, and what to do about it."""
    base_url = _base_url()
    found = f"[api] base_url={base_url!r} may be the address of other deployments too" if base_url else "none is set"
    return (
        f"[aztk] deployment_id: {found}, so that nothing tells this deployment's clusters from theirs; set it in "
        "airflow.cfg (or AIRFLOW__AZTK__DEPLOYMENT_ID), the same in all processes of this deployment and in no other's"
    )


def _base_url() -> str:
    return str(conf.get("api", "base_url", fallback="") or "").strip().rstrip("/")


def _names_one_deployment(url: str) -> bool:
    """Return whether a URL has a public domain name or IP address, which no two deployments share.

    Not public are loopback, unspecified and private addresses, names without a dot, and names of local networks.
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
        return False  # a name that ends in a number is a loopback address in another spelling (127.1)
    return not any(host == name or host.endswith(f".{name}") for name in _PLACEHOLDERS)
