"""Split a driver's log, which is downloaded in chunks, into lines, with the offset at which to continue."""

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

    :param offset: the offset in bytes at which to begin; the beginning of a line.
    """

    def __init__(self, offset: int = 0) -> None:
        self._start = offset
        self._rest = b""

    @property
    def read_offset(self) -> int:
        """The offset of the next byte to read."""
        return self._start + len(self._rest)

    @property
    def resume_offset(self) -> int:
        """The offset at which to begin after a restart: the beginning of the first line that was not returned yet."""
        return self._start

    def feed(self, data: bytes) -> Iterator[str]:
        """Add new bytes and yield the lines that are complete now; a line above ``MAX_LINE_BYTES`` is split.

        A lone carriage return ends a line as well: a progress bar overwrites itself with it, and each of its states
        is shown at once.
        """
        self._rest += data
        while True:
            size = _first_line(self._rest)
            if not size:
                return
            line, self._rest = self._rest[:size], self._rest[size:]
            self._start += size
            if line.strip(b"\r"):  # a progress bar begins with a return, which ends an empty line
                yield _text(line)

    def flush(self) -> Iterator[str]:
        """Yield the last line, which has no line break."""
        if self._rest:
            line, self._rest = self._rest, b""
            self._start += len(line)
            if line.strip(b"\r"):
                yield _text(line)


def whole_characters_end(data: bytes, most: int) -> int:
    """Return the largest length up to ``most`` at which UTF-8 text can be cut without breaking a character.

    For bytes that are not UTF-8 it is ``most``.
    """
    for end in range(most, max(most - _LONGEST_CHARACTER, 0), -1):
        if end >= len(data) or data[end] & 0xC0 != 0x80:  # no byte within a character
            return end
    return most


def _first_line(data: bytes) -> int:
    """Return the length of the first line with its end, or 0 while it is incomplete."""
    found = _LINE_END.search(data, 0, MAX_LINE_BYTES + 2)
    if found and (found.group().endswith(b"\n") or found.end() < len(data)):
        return found.end()
    if found or len(data) <= MAX_LINE_BYTES + 1:  # the next byte may belong to the line break or to the last character
        return 0
    return whole_characters_end(data, MAX_LINE_BYTES)


def near_end(has_byte: Callable[[int], bool], known: int, step: int) -> int:
    """Return an offset less than ``step`` bytes before the end of a log of unknown size, with few requests.

    :param has_byte: returns whether the log has a byte at an offset.
    :param known: a size that the log has at least.
    :param step: the precision in bytes.
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
    """Return a line as text; invalid UTF-8, and NUL, which databases refuse, become the replacement character."""
    return line.decode("utf-8", errors="replace").rstrip("\r\n").replace("\0", "\ufffd")
