"""Hold a stream of bytes on disk between a writer that must not wait and a reader that may be slow."""

from __future__ import annotations

import errno
import math
import os
import shutil
import threading
from collections import deque
from typing import Deque, List, Optional

__all__ = ["Spool"]

FILE_BYTES = 16 * 1024 * 1024
MOST_BYTES = 16 * 1024 * 1024 * 1024
DISK_PAUSE = 1.0


class Spool:
    """A queue of bytes in files, which are removed as they are consumed. One writer, one reader.

    :param directory: where the files go
    :param limit: bytes that may be pending before the writer has to wait; default half of the free disk, 16 GiB at most
    """

    def __init__(self, directory: str, limit: Optional[int] = None) -> None:
        self._directory = directory
        self.limit = limit if limit is not None else min(shutil.disk_usage(directory).free // 2, MOST_BYTES)
        self._changed = threading.Condition()
        self._sizes: Deque[List[int]] = deque()  # [number of the file, bytes written to it]
        self._offset = 0  # bytes consumed of the first file
        self._pending = 0
        self._numbers = 0
        self._writer: Optional[int] = None
        self._closed = False

    @property
    def pending(self) -> int:
        """Give the bytes that are not consumed yet."""
        with self._changed:
            return self._pending

    @property
    def closed(self) -> bool:
        """Tell whether no more will be written."""
        with self._changed:
            return self._closed

    def put(self, data: bytes) -> bool:
        """Append, waiting while spool or disk is full; tell whether all was kept (a closed spool keeps nothing)."""
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
        """Give up to so many of the oldest bytes, without consuming them; fewer at the end of a file."""
        pieces = []
        with self._changed:
            plan = []
            offset = self._offset
            for number, size in self._sizes:
                take = min(size - offset, most)
                plan.append((number, offset, take))
                most -= take
                offset = 0
                if most <= 0:
                    break
        for number, offset, take in plan:
            with open(self._path(number), "rb") as file:
                file.seek(offset)
                pieces.append(file.read(take))
        return b"".join(pieces)

    def consume(self, count: int) -> None:
        """Forget so many of the oldest bytes."""
        with self._changed:
            self._pending -= count
            self._offset += count
            while self._sizes and self._offset >= self._sizes[0][1]:
                number, size = self._sizes[0]
                if len(self._sizes) == 1 and size < FILE_BYTES:
                    break  # may still be written to
                self._offset -= size
                self._sizes.popleft()
                os.unlink(self._path(number))
            self._changed.notify_all()

    def wait(self, wanted: int, seconds: float) -> None:
        """Wait until so many bytes are pending, or no more will come, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._pending >= wanted, _bounded(seconds))

    def close(self) -> None:
        """Take no more; what is pending can still be read. Wakes a waiting writer."""
        with self._changed:
            self._closed = True
            if self._writer is not None:
                os.close(self._writer)
                self._writer = None
            self._changed.notify_all()

    def _write(self, view: memoryview) -> int:
        """Write what fits; 0 if the disk is full."""
        try:
            if self._writer is None or not self._sizes or self._sizes[-1][1] >= FILE_BYTES:
                self._next_file()
            assert self._writer is not None
            written = os.write(self._writer, view)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return 0
        self._sizes[-1][1] += written
        self._pending += written
        self._changed.notify_all()
        return written

    def _next_file(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None
        self._numbers += 1
        self._writer = os.open(self._path(self._numbers), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._sizes.append([self._numbers, 0])

    def _path(self, number: int) -> str:
        return os.path.join(self._directory, f"log-{number:06d}")


def _bounded(seconds: float) -> Optional[float]:
    return None if seconds == math.inf else max(seconds, 0.0)
