"""The base of triggers that wait for applications: the drivers' logs become the task's log meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.base import AztkTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.hooks.aztk import AztkHook
    from airflow_provider_aztk.triggers.log_stream import LogStream
    from airflow_provider_aztk.triggers.wait_loop import Clock

__all__ = ["AztkLogTrigger"]


class AztkLogTrigger(AztkTrigger):
    """Wait for applications, and write what their drivers print into the task's log.

    Logs are read as often as every two seconds while there is something new, and ever less often, down to the poll
    interval, while there is not. Where each log was read to is kept in an XCom of the task, so that the next triggerer
    goes on there. A log that cannot be read never ends the wait.

    :param log_names: the applications whose logs are read; none: no log is read.
    :param log_offsets: the bytes to begin with, by application.
    :param secret_refs: references (``conn:field``) to the secrets that the applications got; masked in the log.
    :param deferred_links: XCom keys of links that could not be made at the submission; pushed as soon as they can.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.base.AztkTrigger`.
    """

    def __init__(
        self,
        *,
        log_names: list[str] | None = None,
        log_offsets: dict[str, int] | None = None,
        secret_refs: list[str] | None = None,
        deferred_links: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.log_names = log_names
        self.log_offsets = log_offsets
        self.secret_refs = secret_refs
        self.deferred_links = deferred_links

    def make_activity(self, hook: AztkHook, *, clock: Clock, on_link: Callable[[str, str], None] | None) -> LogStream:
        """Return what reads the logs of ``log_names`` and pushes ``deferred_links``."""
        from airflow_provider_aztk.triggers.deferral import Deferral
        from airflow_provider_aztk.triggers.deferred_links import DeferredLinks
        from airflow_provider_aztk.triggers.log_checkpoint import LogCheckpoint
        from airflow_provider_aztk.triggers.log_stream import LogStream
        from airflow_provider_aztk.triggers.xcoms import write_xcom

        ti = self.task_instance

        async def push_link(key: str, url: str) -> None:
            if on_link is not None:
                on_link(key, url)
            elif ti is not None:
                await write_xcom(ti, key, url)

        owner_id = next(iter(self.watched_ids()), "")
        # In a triggerer, the worker that has just deferred may write an empty link over an early one.
        not_before = clock.monotonic() + Deferral.times.minimum if on_link is None else float("-inf")
        return LogStream(
            owner_id,
            self.log_names or (),
            offsets=self.log_offsets or {},
            secret_refs=self.secret_refs or (),
            poll_interval=self.poll_interval,
            links=DeferredLinks(self.deferred_links or (), push_link, hook=hook, clock=clock, not_before=not_before),
            checkpoint=LogCheckpoint(ti, owner_id, clock=clock, log=self.log),
            is_deferred=ti is not None,
            clock=clock,
            log=self.log,
        )
