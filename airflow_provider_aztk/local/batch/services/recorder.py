"""Keeping the last requests, so that tests can read what clients really sent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["Recorder"]

_KEPT = 5000
_KEPT_CHARACTERS = 64_000_000


class Recorder:
    """Records while it is switched on; old requests fall out at the end."""

    def __init__(self) -> None:
        self.enabled = False
        self._calls: deque[Json] = deque()
        self._size = 0

    def note(self, call: Json) -> None:
        """Keep a request."""
        if not self.enabled:
            return
        self._calls.append(call)
        self._size += len(call["body"])
        while len(self._calls) > _KEPT or self._size > _KEPT_CHARACTERS:
            self._size -= len(self._calls.popleft()["body"])

    def calls(self) -> list[Json]:
        """Return the requests, the oldest first."""
        return list(self._calls)

    def clear(self) -> None:
        """Forget all."""
        self._calls.clear()
        self._size = 0
