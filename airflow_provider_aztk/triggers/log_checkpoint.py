"""How far the drivers' logs have been read, kept in an XCom of the task: the next triggerer goes on there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.xcoms import read_xcom, write_xcom

if TYPE_CHECKING:
    from airflow_provider_aztk.triggers.wait_loop import Clock

__all__ = ["LOG_OFFSETS_KEY", "LogCheckpoint"]

LOG_OFFSETS_KEY = "aztk_log_offsets"
_INTERVAL = 15.0  # seconds between two writes


class LogCheckpoint:
    """The offsets of the logs of one cluster or job. Errors are logged only: at worst, lines appear twice.

    :param ti: the task instance; None in a worker, which needs no checkpoint.
    :param owner_id: the cluster or job whose logs are read.
    """

    def __init__(self, ti: Any, owner_id: str, *, clock: Clock, log: Any) -> None:
        self._ti = ti
        self._owner_id = owner_id
        self._clock = clock
        self._log = log
        self._saved: dict[str, int] = {}
        self._saved_at = float("-inf")

    async def load(self) -> dict[str, int]:
        """Return the offset in bytes by application; nothing where there are none, or they are of another try."""
        if self._ti is None:
            return {}
        try:
            found = await read_xcom(self._ti, LOG_OFFSETS_KEY) or {}
        except Exception as error:
            self._log.debug("The log offsets cannot be read: %s", error)
            return {}
        if found.get("of") != self._owner_id:
            return {}
        self._saved = {str(name): int(offset) for name, offset in found["offsets"].items()}
        return dict(self._saved)

    async def save(self, offsets: dict[str, int]) -> None:
        """Write the offsets if they have changed and the last write is some seconds old."""
        if self._ti is None or offsets == self._saved or self._clock.monotonic() < self._saved_at + _INTERVAL:
            return
        self._saved_at = self._clock.monotonic()
        try:
            await write_xcom(self._ti, LOG_OFFSETS_KEY, {"of": self._owner_id, "offsets": offsets})
            self._saved = offsets
        except Exception as error:
            self._log.debug("The log offsets cannot be written: %s", error)
