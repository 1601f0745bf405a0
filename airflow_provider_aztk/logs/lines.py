"""Cut a driver's log, which arrives in pieces, into lines; remembers where to go on, and finds the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MAX_LINE_BYTES", "LogLines", "near_end", "whole_characters_end"]

MAX_LINE_BYTES = 16 * 1024
_LONGEST_CHARACTER = 4
_LINE_END = re.compile(rb"\r*\n|\r+")


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
        """Take new bytes and give the lines that are complete now; an overlong line is cut into several.

        Lone carriage returns, with which a progress bar is written over itself, end a line too: so each of its states
        is seen while it is the present one.
        """
        self._rest += data
        while True:
            size = _first_line(self._rest)
            if not size:
                return
            line, self._rest = self._rest[:size], self._rest[size:]
            self._start += size
            if line.strip(b"\r"):  # a bar begins with a return: the line before it may be empty
                yield _text(line)

    def flush(self) -> Iterator[str]:
        """Give the last line, which has no line break."""
        if self._rest:
            line, self._rest = self._rest, b""
            self._start += len(line)
            if line.strip(b"\r"):
                yield _text(line)


def whole_characters_end(data: bytes, most: int) -> int:
    """Return where to cut so many bytes at most off the beginning of UTF-8 text without breaking a character.

    Where the bytes are no UTF-8 the cut is at ``most``.
    """
    for end in range(most, max(most - _LONGEST_CHARACTER, 0), -1):
        if end >= len(data) or data[end] & 0xC0 != 0x80:  # no byte within a character
            return end
    return most


def _first_line(data: bytes) -> int:
    """Return the length of the first line with its end, or 0 while it may go on."""
    found = _LINE_END.search(data, 0, MAX_LINE_BYTES + 2)
    if found and (found.group().endswith(b"\n") or found.end() < len(data)):
        return found.end()
    if found or len(data) <= MAX_LINE_BYTES + 1:  # the next byte may be a line break's second, or a character's
        return 0
    return whole_characters_end(data, MAX_LINE_BYTES)


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
    """Read a line; what is no text, and NUL, which databases refuse, is shown as the replacement character."""
    return line.decode("utf-8", errors="replace").rstrip("\r\n").replace("\0", "\ufffd")
