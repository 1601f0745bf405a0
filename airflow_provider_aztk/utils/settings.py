"""Settings of the ``[aztk]`` section of airflow.cfg, and the marker of this deployment."""

from __future__ import annotations

import hashlib

from airflow.providers.common.compat.sdk import conf

__all__ = ["default_deferrable", "default_poll_interval", "deployment_id"]


def default_deferrable() -> bool:
    """Say whether operators wait without a worker where they are not told otherwise."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def default_poll_interval() -> float:
    """Give the seconds between two looks at Azure Batch."""
    return float(conf.getfloat("aztk", "poll_interval", fallback=30.0))


def deployment_id() -> str:
    """Name this Airflow deployment, the same in every one of its processes; empty where nothing tells it.

    ``[aztk] deployment_id``, or else made of ``[api] base_url``.
    """
    configured = str(conf.get("aztk", "deployment_id", fallback="") or "")
    if configured:
        return configured
    base_url = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return hashlib.sha256(base_url.encode()).hexdigest()[:12] if base_url else ""
