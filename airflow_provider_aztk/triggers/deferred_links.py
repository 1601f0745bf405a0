"""Links to what exists only some time after the submission: the pool, and the page of Spark's master."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_aztk.links.aztk import AztkBatchPoolLink, AztkSparkUiLink, batch_pool_url
from airflow_provider_aztk.triggers.wait_loop import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from airflow_provider_aztk.client import JobSnapshot
    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = ["DeferredLinks"]

_MAX_FAILURES = 3  # in a row; a link is not worth more requests

log = logging.getLogger(__name__)


class DeferredLinks:
    """The links that a task still lacks, pushed as soon as a snapshot shows their URL.

    :param keys: the XCom keys of the links.
    :param push: pushes a link, given its XCom key and its URL.
    :param hook: the connection, whose account the URL of a pool names.
    :param not_before: no link is pushed before this time of the clock (``monotonic``).
    """

    def __init__(
        self,
        keys: Iterable[str],
        push: Callable[[str, str], Awaitable[None]],
        *,
        hook: AztkHook,
        clock: Clock | None = None,
        not_before: float = float("-inf"),
    ) -> None:
        self._missing = set(keys)
        self._push = push
        self._hook = hook
        self._clock = clock or Clock()
        self._not_before = not_before
        self._failures = 0
        self._last_snapshot: JobSnapshot | None = None

    async def push_known(self, snapshot: JobSnapshot) -> None:
        """Push the links whose URL is known now; errors are logged, and never end a wait."""
        if not self._missing or snapshot is self._last_snapshot or self._clock.monotonic() < self._not_before:
            return
        self._last_snapshot = snapshot
        succeeded = [await _succeeds(self._push_pool(snapshot)), await _succeeds(self._push_spark_ui(snapshot))]
        self._failures = 0 if all(succeeded) else self._failures + 1
        if self._failures >= _MAX_FAILURES:
            self._missing.clear()

    async def _push_pool(self, snapshot: JobSnapshot) -> None:
        pool_id = snapshot.job.pool_id if AztkBatchPoolLink.key in self._missing and snapshot.job else None
        if pool_id:
            await self._push_once(AztkBatchPoolLink.key, batch_pool_url(await self._hook.aget_secrets(), pool_id))

    async def _push_spark_ui(self, snapshot: JobSnapshot) -> None:
        cluster = await snapshot.cluster() if AztkSparkUiLink.key in self._missing and snapshot.is_open else None
        if cluster and cluster.spark_ui_url:
            await self._push_once(AztkSparkUiLink.key, cluster.spark_ui_url)

    async def _push_once(self, key: str, url: str) -> None:
        await self._push(key, url)
        self._missing.discard(key)


async def _succeeds(step: Awaitable[None]) -> bool:
    try:
        await step
    except Exception as error:
        log.warning("A link of this task cannot be made: %s", error)
        return False
    return True
