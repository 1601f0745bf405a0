"""Links to what exists only some time after the submission: the pool, and the page of Spark's master."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_aztk.links.aztk import AztkBatchPoolLink, AztkSparkUiLink, batch_pool_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from airflow_provider_aztk.client import JobSnapshot
    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = ["LateLinks"]

_MAX_FAILURES = 3  # in a row; a link is not worth more requests

log = logging.getLogger(__name__)


class LateLinks:
    """The links that a task still wants, pushed when looks at Azure Batch show where they lead.

    :param keys: the XCom keys of the links.
    :param push: shows a link, given its key and address.
    """

    def __init__(self, keys: Iterable[str], push: Callable[[str, str], Awaitable[None]]) -> None:
        self._wanted = set(keys)
        self._push = push
        self._failures = 0
        self._seen: JobSnapshot | None = None

    async def look(self, view: JobSnapshot, hook: AztkHook) -> None:
        """Push what is known now; that it cannot be done never ends a wait."""
        if not self._wanted or view is self._seen:
            return
        self._seen = view
        done = [await _succeeds(self._pool(view, hook)), await _succeeds(self._spark_ui(view))]
        self._failures = 0 if all(done) else self._failures + 1
        if self._failures >= _MAX_FAILURES:
            self._wanted.clear()

    async def _pool(self, view: JobSnapshot, hook: AztkHook) -> None:
        pool_id = view.job.pool_id if AztkBatchPoolLink.key in self._wanted and view.job else None
        if pool_id:
            await self._show(AztkBatchPoolLink.key, batch_pool_url(await hook.aget_secrets(), pool_id))

    async def _spark_ui(self, view: JobSnapshot) -> None:
        cluster = await view.cluster() if AztkSparkUiLink.key in self._wanted and view.is_open else None
        if cluster and cluster.spark_ui_url:
            await self._show(AztkSparkUiLink.key, cluster.spark_ui_url)

    async def _show(self, key: str, url: str) -> None:
        await self._push(key, url)
        self._wanted.discard(key)


async def _succeeds(making: Awaitable[None]) -> bool:
    try:
        await making
    except Exception as error:
        log.warning("A link of this task cannot be made: %s", error)
        return False
    return True
