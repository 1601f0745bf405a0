"""What is uploaded: its pieces, its check, and the progress line. Without any request.

A large blob goes in blocks of a few MiB (learn.microsoft.com/rest/api/storageservices/put-block), each sent and tried
again by itself. Blocks are no blob until they are committed, so an upload that dies half-way leaves nothing that
anybody could read.
"""

from __future__ import annotations

import hashlib
import io
import logging
import time
import uuid
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

MIB = 1024 * 1024
#: What is larger goes in blocks of this size.
BLOCK_SIZE = 4 * MIB
#: The most that one request reads, in bytes.
READ_CHUNK = 4 * MIB
#: A blob has 50,000 blocks at most.
MAX_BLOCKS = 50_000
#: How many blocks are under way at once.
SIDE_BY_SIDE = 4
#: Seconds between two progress lines.
PROGRESS_INTERVAL = 10.0


class Block(NamedTuple):
    """One block of a blob."""

    id: str
    data: bytes


class Content:
    """What is to be uploaded: bytes or a file, read once and in order.

    :param data: the bytes or the text, or the path of a file.
    :param sha256: the hash that the content must have, in hex; default: whatever it is.
    :raises InvalidConfigurationError: the file cannot be read.
    """

    def __init__(self, data: bytes | str | Path, sha256: str | None = None) -> None:
        self._data = data.encode() if isinstance(data, str) else data
        self._wanted = sha256
        self._digest = hashlib.sha256()
        self._read = 0
        try:
            self._stamp = self._stat()
        except OSError as error:
            raise self._fault(f"it cannot be read ({error.strerror}): give the path of an existing file") from error
        self.size = self._stamp[0]

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self._data) if isinstance(self._data, Path) else f"{self.size} bytes"

    def _stat(self) -> tuple[int, int, int]:
        if isinstance(self._data, bytes):
            return len(self._data), 0, 0
        found = self._data.stat()
        return found.st_size, found.st_mtime_ns, found.st_ino

    def _open(self) -> BinaryIO:
        return io.BytesIO(self._data) if isinstance(self._data, bytes) else self._data.open("rb")

    def pieces(self, size: int) -> Iterator[bytes]:
        """Read it in pieces.

        :raises InvalidConfigurationError: the file cannot be read any more.
        """
        self._digest, self._read = hashlib.sha256(), 0
        try:
            with self._open() as stream:
                while piece := stream.read(size):
                    self._digest.update(piece)
                    self._read += len(piece)
                    yield piece
        except OSError as error:
            raise self._fault(f"it cannot be read ({error.strerror})") from error

    def whole(self) -> bytes:
        """Read it at once, and check it."""
        data = b"".join(self.pieces(BLOCK_SIZE))
        self.check()
        return data

    def blocks(self) -> Iterator[Block]:
        """Read it in blocks, whose ids are of one length and of this upload alone."""
        upload = uuid.uuid4().hex
        size = max(BLOCK_SIZE, -(-self.size // MAX_BLOCKS))
        for index, piece in enumerate(self.pieces(size)):
            yield Block(f"{upload}-{index:05d}", piece)

    def check(self) -> None:
        """Check, when all is read and before it becomes a blob, that it is what was meant.

        :raises InvalidConfigurationError: the file has changed.
        """
        if self._has_changed():
            raise self._fault("it changed while it was uploaded: write it under another name, and submit again")

    def _has_changed(self) -> bool:
        if self._wanted:
            return self._digest.hexdigest() != self._wanted
        try:
            return self._read != self.size or self._stat() != self._stamp
        except OSError:
            return True

    def _fault(self, fix: str) -> InvalidConfigurationError:
        shown = str(self._data) if isinstance(self._data, Path) else "..."
        return InvalidConfigurationError("upload", [FieldError("file", repr(shown), fix)])


class Progress:
    """Logs how far an upload is: now and then, and at its end.

    :param what: what is uploaded.
    :param total: its bytes.
    """

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._sent = 0
        self._started = self._logged = time.monotonic()
        self._lock = Lock()

    def add(self, size: int) -> None:
        """Count what has arrived; blocks are sent by several threads."""
        with self._lock:
            self._sent += size
            now = time.monotonic()
            if now - self._logged >= PROGRESS_INTERVAL and self._sent < self._total:
                self._logged = now
                self._log("Uploading")

    def end(self) -> None:
        """Log the end."""
        self._log("Uploaded")

    def _log(self, word: str) -> None:
        seconds = time.monotonic() - self._started
        log.info(
            "%s %s: %.1f of %.1f MiB in %.0f s (%.1f MiB/s)",
            word, self._what, self._sent / MIB, self._total / MIB, seconds, self._sent / MIB / max(seconds, 0.001),
        )  # fmt: skip
