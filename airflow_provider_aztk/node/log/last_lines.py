"""Keep the last lines of a process's output, without the frames of stack traces."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from typing import IO, Deque, List, Optional, Sequence

__all__ = ["LastLines", "excerpt"]

LINES = 20
WIDTH = 400  # characters
PIECE = 64 * 1024
PATIENCE = 5.0
_FRAME = re.compile(r"\s+(at |\.\.\. \d+ (more|common))")
_MASK = "***"


def excerpt(text: str, secrets: Sequence[str] = (), lines: int = LINES) -> List[str]:
    """Return the last lines of a text, without secrets and without stack frames, which would push out the cause."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    found = [line.rstrip() for line in text.splitlines() if line.strip() and not _FRAME.match(line)]
    return [line[:WIDTH] for line in found[-lines:]]


class LastLines:
    """Pass a child's output on to this task's own stderr, and keep its end.

    :param secrets: texts that are masked in what is kept
    """

    def __init__(self, secrets: Sequence[str] = (), bytes_kept: int = 32 * 1024) -> None:
        self._secrets = secrets
        self._bytes_kept = bytes_kept
        self._pieces: Deque[bytes] = deque()
        self._size = 0
        self._thread: Optional[threading.Thread] = None

    def follow(self, output: IO[bytes]) -> None:
        """Read all that a child writes, in a thread of its own; the output of an earlier child is dropped."""
        self._pieces.clear()
        self._size = 0
        self._thread = threading.Thread(target=self._pump_output, args=(output,), name="output", daemon=True)
        self._thread.start()

    def lines(self) -> List[str]:
        """Return the last lines of a child that has ended."""
        if self._thread is not None:
            self._thread.join(PATIENCE)  # a process that left the group may hold the pipe open
        return excerpt(b"".join(self._pieces).decode(errors="replace"), self._secrets)

    def _pump_output(self, output: IO[bytes]) -> None:
        own: Optional[int] = 2
        with output:
            while True:
                data = os.read(output.fileno(), PIECE)
                if not data:
                    return
                self._pieces.append(data)
                self._size += len(data)
                while self._size - len(self._pieces[0]) >= self._bytes_kept:
                    self._size -= len(self._pieces.popleft())
                own = _pass_on(own, data)


def _pass_on(descriptor: Optional[int], data: bytes) -> Optional[int]:
    view = memoryview(data)
    while view and descriptor is not None:
        try:
            view = view[os.write(descriptor, view) :]
        except OSError:
            return None  # a closed or full output must not end the worker
    return descriptor
