"""Where a wait loop gets its snapshots of clusters and jobs: the poll that all waits on one account share."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_aztk.client import JobSnapshot, models
    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = ["SharedSnapshots", "SnapshotSource", "poll_key"]


class SnapshotSource(Protocol):
    """A source of snapshots."""

    async def watch(self, watched_id: str, poll_interval: float) -> AsyncIterator[JobSnapshot]:
        """Return the snapshots of a cluster or job, one for each poll; an error ends the iterator.

        :param poll_interval: seconds between two polls.
        """


class SharedSnapshots:
    """Snapshots of the account's :class:`~airflow_provider_aztk.client.SharedPoller` in this event loop.

    :param hook: the connection to the account.
    :param share_key: the name of the poll; default: all waits with the same connection and credentials share one.
    """

    def __init__(self, hook: AztkHook, *, share_key: str | None = None) -> None:
        self._hook = hook
        self._share_key = share_key

    async def watch(self, watched_id: str, poll_interval: float) -> AsyncIterator[JobSnapshot]:
        """Return the snapshots of a cluster or job, one for each poll.

        :raises InvalidConfigurationError: for an id that no cluster or job can have.
        """
        from airflow_provider_aztk.client import AsyncClient, SharedPoller

        secrets = await self._hook.aget_secrets()
        key = self._share_key or poll_key(self._hook.aztk_conn_id, secrets)
        return SharedPoller.shared(key, lambda: AsyncClient(secrets)).watch(watched_id, poll_interval=poll_interval)


def poll_key(conn_id: str, secrets: models.SecretsConfiguration) -> str:
    """Return the name of the poll that all waits on one account share; it reveals no secret.

    The connection's id is not enough: the connection can be edited while a triggerer runs, and differs between teams.
    """
    content = repr(sorted(dataclasses.asdict(secrets).items()))
    return f"{conn_id}/{hashlib.sha256(content.encode()).hexdigest()}"
