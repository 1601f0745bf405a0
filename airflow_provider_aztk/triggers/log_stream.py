"""What a wait for applications does besides: write the drivers' logs into the task's log, and push deferred links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, redact

from airflow_provider_aztk.configuration.references import field_of, mask
from airflow_provider_aztk.logs.lines import LogLines
from airflow_provider_aztk.triggers.wait_loop import Activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_aztk.client import JobSnapshot, SnapshotClient
    from airflow_provider_aztk.triggers.deferred_links import DeferredLinks
    from airflow_provider_aztk.triggers.events import WaitEvent
    from airflow_provider_aztk.triggers.log_checkpoint import LogCheckpoint
    from airflow_provider_aztk.triggers.wait_loop import Clock

__all__ = ["LogStream"]

_MAX_BYTES = 256 * 1024  # of one driver's log at one time: a long log must not hold up the other triggers
_FASTEST = 2.0  # seconds between two reads while there is something new
_SECONDS_BEFORE_EVENT = 3.0  # between the last line and the event


class LogStream(Activity):
    """Read the logs of some drivers, from every two seconds down to the poll interval while nothing is new.

    :param owner_id: the cluster or job whose applications they are.
    :param names: the applications; none: only links are pushed.
    :param offsets: the bytes to begin with, by application; those of the checkpoint have precedence.
    :param secret_refs: references (``conn:field``) to the secrets to mask.
    :param is_deferred: whether this runs in a triggerer: Airflow closes the task's log there with the event.
    """

    def __init__(
        self,
        owner_id: str,
        names: Iterable[str],
        *,
        offsets: Mapping[str, int],
        secret_refs: Iterable[str],
        poll_interval: float,
        links: DeferredLinks,
        checkpoint: LogCheckpoint,
        is_deferred: bool,
        clock: Clock,
        log: Any,
    ) -> None:
        self._owner_id = owner_id
        self._names = list(names)
        self._offsets = dict(offsets)
        self._secret_refs = list(secret_refs)
        self._slowest = max(_FASTEST, poll_interval)
        self._links = links
        self._checkpoint = checkpoint
        self._is_deferred = is_deferred
        self._clock = clock
        self._log = log
        self._lines: dict[str, LogLines] = {}
        self._interval = _FASTEST
        self._next_read = 0.0
        self._has_failed = False
        self._logged_at = float("-inf")

    async def prepare(self) -> None:
        """Mask the applications' secrets, and find out how far the logs have been read."""
        if not self._names:
            return
        for reference in self._secret_refs:
            await self._mask(reference)
        offsets = {**self._offsets, **await self._checkpoint.load()}
        self._lines = {name: LogLines(offsets.get(name, 0)) for name in self._names}

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds the logs are to be read again; None where none is read."""
        return max(0.1, self._next_read - self._clock.monotonic()) if self._lines else None

    async def run(self, snapshots: Mapping[str, JobSnapshot]) -> None:
        """Push the links that can be made by now, and write what is new in the logs."""
        snapshot = snapshots.get(self._owner_id)
        if snapshot is None:
            return
        await self._links.push_known(snapshot)
        if not self._lines or self._clock.monotonic() < self._next_read:
            return
        found = [await self._read(snapshot.client, name) for name in self._lines]
        self._interval = _FASTEST if any(found) else min(self._interval * 2, self._slowest)
        self._next_read = self._clock.monotonic() + self._interval
        await self._checkpoint.save(self._resume_offsets())

    async def finish(self, event: WaitEvent) -> None:
        """Add to the event how far the logs have been read: the worker writes the rest."""
        event["result"]["secret_refs"] = self._secret_refs
        event["result"]["log_offsets"] = self._resume_offsets()
        if self._is_deferred:
            # Airflow closes the task's log file with the event, which may overtake the lines before it.
            await self._clock.sleep(max(0.0, self._logged_at + _SECONDS_BEFORE_EVENT - self._clock.monotonic()))

    def _resume_offsets(self) -> dict[str, int]:
        return {name: lines.resume_offset for name, lines in self._lines.items()}

    async def _read(self, client: SnapshotClient, name: str) -> bool:
        """Return whether there was something new; an error never ends the wait."""
        lines = self._lines[name]
        try:
            chunk = await client.read_log(self._owner_id, name, lines.read_offset, max_bytes=_MAX_BYTES)
        except Exception as error:
            if not self._has_failed:
                self._log.warning("The log of %s cannot be read now; it is tried again: %s", name, error)
            self._has_failed = True
            return False
        self._has_failed = False
        label = f"[{name}] " if len(self._lines) > 1 else ""
        for line in lines.feed(chunk.data):
            self._log.info("%s%s", label, redact(line))  # Airflow masks files, but not what workers echo
            self._logged_at = self._clock.monotonic()
        return bool(chunk.data)

    async def _mask(self, reference: str) -> None:
        conn_id, _, field = reference.partition(":")
        try:
            connection = await BaseHook.aget_connection(conn_id)
            mask(field_of(connection, field, reference))
        except Exception as error:
            self._log.warning("%s cannot be read, so it is not masked: %s", reference, error)
