"""What triggers of applications share: the drivers' logs become the task's log while nobody holds a worker."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import redact

from airflow_provider_aztk.configuration.references import field_of, mask
from airflow_provider_aztk.logs.lines import LogLines
from airflow_provider_aztk.triggers.base import AztkTrigger
from airflow_provider_aztk.triggers.deferral import MIN_DEFERRAL
from airflow_provider_aztk.triggers.links import LateLinks
from airflow_provider_aztk.triggers.xcoms import read_xcom, write_xcom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import JobSnapshot, SnapshotClient
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["LOG_OFFSETS_KEY", "AztkLogTrigger"]

LOG_OFFSETS_KEY = "aztk_log_offsets"
_MAX_BYTES = 256 * 1024  # of one driver's log at one time: a chatty driver must not hold up the other triggers
_FASTEST = 2.0
_CHECKPOINT_INTERVAL = 15.0
_SETTLE = 3.0  # seconds between the last line and the event


class AztkLogTrigger(AztkTrigger):
    """Wait for applications, and write what their drivers print into the task's log.

    Logs are read as often as every two seconds while there is something new, and ever less often, down to the poll
    interval, while there is not. Where each log was read to is kept in an XCom of the task, so that the next triggerer
    goes on there. A log that cannot be read never ends the wait.

    :param log_names: the applications whose logs are read; none: no log is read.
    :param log_offsets: the bytes to begin with, by application.
    :param secret_refs: references (``conn:field``) to the secrets that the applications got; masked in the log.
    :param late_links: XCom keys of links that could not be made at the submission; pushed as soon as they can.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.base.AztkTrigger`.
    """

    def __init__(
        self,
        *,
        log_names: list[str] | None = None,
        log_offsets: dict[str, int] | None = None,
        secret_refs: list[str] | None = None,
        late_links: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.log_names = log_names
        self.log_offsets = log_offsets
        self.secret_refs = secret_refs
        self.late_links = late_links
        self._links = LateLinks(late_links or (), self.push_link)
        self._lines: dict[str, LogLines] = {}
        self._pause = _FASTEST
        self._next_read = 0.0
        self._saved_at = 0.0
        self._saved: dict[str, int] = {}
        self._unreadable = False
        self._logged_at = -_SETTLE

    async def prepare(self) -> None:
        """Mask the applications' secrets, and find out where the last triggerer stopped to read."""
        if not self.log_names:
            return
        for reference in self.secret_refs or ():
            await self._mask(reference)
        offsets = {**(self.log_offsets or {}), **await self._load_offsets()}
        self._lines = {name: LogLines(offsets.get(name, 0)) for name in self.log_names}

    def pause(self) -> float:
        """Seconds until the logs are due again."""
        if not self._lines:
            return self.poll_interval
        return max(0.1, self._next_read - time.monotonic())

    async def between_polls(self, views: Mapping[str, JobSnapshot]) -> None:
        """Read what is new, and make the links that can be made by now."""
        view = views.get(self.watched_ids()[0])
        if view is None:
            return
        if self.on_link is not None or time.monotonic() >= self.began + MIN_DEFERRAL:
            # Earlier, the worker that has just deferred may write an empty link over ours.
            await self._links.look(view, self._hook())
        if not self._lines or time.monotonic() < self._next_read:
            return
        found = [await self._read(view.client, name) for name in self._lines]
        slowest = max(_FASTEST, self.poll_interval)
        self._pause = _FASTEST if any(found) else min(self._pause * 2, slowest)
        self._next_read = time.monotonic() + min(self._pause, slowest)
        await self._save_offsets()

    async def before_event(self, views: Mapping[str, JobSnapshot], event: WaitEvent) -> None:
        """Say where the logs were read to; the worker reads what is left."""
        event["result"]["secret_refs"] = list(self.secret_refs or ())
        event["result"]["log_offsets"] = {name: lines.resume_offset for name, lines in self._lines.items()}
        if self.task_instance is not None:
            # Airflow closes the task's log file with the event, which may overtake the lines before it.
            await asyncio.sleep(max(0.0, self._logged_at + _SETTLE - time.monotonic()))

    async def _read(self, client: SnapshotClient, name: str) -> bool:
        lines = self._lines[name]
        try:
            chunk = await client.read_log(self.watched_ids()[0], name, lines.read_offset, max_bytes=_MAX_BYTES)
        except Exception as error:
            if not self._unreadable:
                self.log.warning("The log of %s cannot be read now, will be tried again: %s", name, error)
            self._unreadable = True
            return False
        self._unreadable = False
        label = f"[{name}] " if len(self._lines) > 1 else ""
        for line in lines.feed(chunk.data):
            self.log.info("%s%s", label, redact(line))  # Airflow masks files, but not what workers echo
            self._logged_at = time.monotonic()
        return bool(chunk.data)

    # -- where the logs were read to ----------------------------------------------------------------------------

    async def _load_offsets(self) -> dict[str, int]:
        ti = self.task_instance
        if ti is None:
            return {}
        try:
            note = await read_xcom(ti, LOG_OFFSETS_KEY) or {}
        except Exception as error:
            self.log.debug("No note of where the logs were read to: %s", error)
            return {}
        if note.get("of") != self.watched_ids()[0]:
            return {}  # an earlier try's, or nobody's
        self._saved = {str(name): int(offset) for name, offset in note["offsets"].items()}
        return dict(self._saved)

    async def _save_offsets(self) -> None:
        ti = self.task_instance
        offsets = {name: lines.resume_offset for name, lines in self._lines.items()}
        if ti is None or offsets == self._saved or time.monotonic() < self._saved_at + _CHECKPOINT_INTERVAL:
            return
        self._saved_at = time.monotonic()
        try:
            await write_xcom(ti, LOG_OFFSETS_KEY, {"of": self.watched_ids()[0], "offsets": offsets})
            self._saved = offsets
        except Exception as error:
            self.log.debug("Where the logs were read to cannot be noted: %s", error)

    async def _mask(self, reference: str) -> None:
        from airflow.providers.common.compat.sdk import BaseHook

        conn_id, _, field = reference.partition(":")
        try:
            connection = await BaseHook.aget_connection(conn_id)
            mask(field_of(connection, field, reference))
        except Exception as error:
            self.log.warning("%s cannot be read, so it is not masked: %s", reference, error)
