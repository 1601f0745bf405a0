"""Cut a driver's log, which arrives in pieces, into lines; remembers where to go on, and finds the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MAX_LINE_BYTES", "LogLines", "near_end"]

MAX_LINE_BYTES = 16 * 1024


class LogLines:
    """The lines of one driver's log.

    :param offset: the byte to begin with, the beginning of a line.
    """

    def __init__(self, offset: int = 0) -> None:
        self._start = offset
        self._rest = b""

    @property
    def read_offset(self) -> int:
        """The byte to read next."""
        return self._start + len(self._rest)

    @property
    def resume_offset(self) -> int:
        """The byte to begin with after a restart: the first of a line that was not given out yet."""
        return self._start

    def feed(self, data: bytes) -> Iterator[str]:
        """Take new bytes and give the lines that are complete now; an overlong line is cut into several."""
        self._rest += data
        while self._rest:
            end = self._rest.find(b"\n", 0, MAX_LINE_BYTES)
            if end < 0 and len(self._rest) < MAX_LINE_BYTES:
                return
            size = end + 1 if end >= 0 else MAX_LINE_BYTES
            line, self._rest = self._rest[:size], self._rest[size:]
            self._start += size
            yield _text(line)

    def flush(self) -> Iterator[str]:
        """Give the last line, which has no line break."""
        if self._rest:
            line, self._rest = self._rest, b""
            self._start += len(line)
            yield _text(line)


def near_end(has_byte: Callable[[int], bool], known: int, step: int) -> int:
    """Find the end of a log whose size nobody tells, with few requests.

    :param has_byte: whether the log has this byte.
    :param known: a size that the log is known to have.
    :param step: how many bytes the result may be before the end.
    :return: an offset before the end or at it, and less than ``step`` before it.
    """
    below, ahead = known, step
    while has_byte(below + ahead - 1):
        below += ahead
        ahead *= 8
    while ahead > step:
        ahead //= 2
        if has_byte(below + ahead - 1):
            below += ahead
    return below


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r\n")
