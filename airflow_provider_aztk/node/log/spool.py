"""Hold a stream of bytes on disk between a writer that must not wait and a reader that may be slow."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from typing import Deque, Optional

__all__ = ["Spool"]

FILE_BYTES = 16 * 1024 * 1024
MOST_BYTES = 16 * 1024 * 1024 * 1024
DISK_PAUSE = 1.0


class Spool:
    """A queue of bytes in files without a name, which the system removes with the process. One writer, one reader.

    :param directory: the file system to use
    :param limit: bytes that may be pending before the writer has to wait; default half of the free disk, 16 GiB at most
    :param file_bytes: size of one file; its disk space is free again when it is consumed
    """

    def __init__(self, directory: str, limit: Optional[int] = None, file_bytes: int = FILE_BYTES) -> None:
        self._directory = directory
        self._file_bytes = file_bytes
        self.limit = limit if limit is not None else min(shutil.disk_usage(directory).free // 2, MOST_BYTES)
        self._changed = threading.Condition()
        self._parts: Deque[_Part] = deque()
        self._offset = 0  # bytes consumed of the first file
        self._pending = 0
        self._closed = False

    @property
    def pending(self) -> int:
        """Return how many bytes are not consumed yet."""
        with self._changed:
            return self._pending

    @property
    def closed(self) -> bool:
        """Return whether no more will be written."""
        with self._changed:
            return self._closed

    def put(self, data: bytes) -> bool:
        """Append, waiting while spool or disk is full; return whether all was kept (a closed spool keeps nothing)."""
        view = memoryview(data)
        with self._changed:
            while view:
                self._changed.wait_for(lambda: self._closed or self._pending < self.limit)
                if self._closed:
                    return False
                written = self._write(view)
                view = view[written:]
                if not written:
                    self._changed.wait(DISK_PAUSE)
            return True

    def peek(self, most: int) -> bytes:
        """Return up to so many of the oldest bytes without consuming them; fewer at the end of a file."""
        with self._changed:
            plan = []
            offset = self._offset
            for part in self._parts:
                take = min(part.size - offset, most)
                plan.append((part, offset, take))
                most -= take
                offset = 0
                if most <= 0:
                    break
        return b"".join(_read(part.descriptor, offset, take) for part, offset, take in plan)

    def consume(self, count: int) -> None:
        """Drop so many of the oldest bytes."""
        with self._changed:
            self._pending -= count
            self._offset += count
            while self._parts and self._offset >= self._parts[0].size:
                if len(self._parts) == 1 and self._parts[0].size < self._file_bytes and not self._closed:
                    break  # may still be written to
                part = self._parts.popleft()
                self._offset -= part.size
                os.close(part.descriptor)
            self._changed.notify_all()

    def wait(self, wanted: int, seconds: float) -> None:
        """Wait until so many bytes are pending, or no more will come, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._pending >= wanted, _bounded(seconds))

    def close(self) -> None:
        """Accept no more; what is pending can still be read. A waiting writer stops waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _write(self, view: memoryview) -> int:
        """Write what fits; 0 if the disk is full."""
        try:
            if not self._parts or self._parts[-1].size >= self._file_bytes:
                self._parts.append(_Part(_unnamed_file(self._directory)))
            written = os.write(self._parts[-1].descriptor, view)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return 0
        self._parts[-1].size += written
        self._pending += written
        self._changed.notify_all()
        return written


@dataclass
class _Part:
    """One file of a spool."""

    descriptor: int
    size: int = 0


def _unnamed_file(directory: str) -> int:
    """Open a file without a name: the system frees its disk space when this process ends."""
    descriptor, path = tempfile.mkstemp(prefix="aztk-", dir=directory)
    os.unlink(path)
    return descriptor


def _read(descriptor: int, offset: int, count: int) -> bytes:
    """Read at an offset without moving the writer's."""
    data = b""
    while len(data) < count:
        piece = os.pread(descriptor, count - len(data), offset + len(data))
        if not piece:
            raise OSError(errno.EIO, "the spool is shorter than what was written to it")
        data += piece
    return data


def _bounded(seconds: float) -> Optional[float]:
    return None if seconds == math.inf else max(seconds, 0.0)
