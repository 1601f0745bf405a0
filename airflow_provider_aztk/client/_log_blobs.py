"""Where a driver's log is in its append blobs. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aztk.client._naming import checked_id
from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import Failure, LogChunk

#: The most that one read takes, in bytes.
MAX_READ = 4 * 1024 * 1024
LONGEST_CHARACTER = 4  # bytes of UTF-8


class Part(NamedTuple):
    """A part of the log within one segment."""

    blob: str
    offset: int
    length: int


def part_at(name: str, offset: int, max_bytes: int) -> Part:
    """Find the part of the log that begins at ``offset``; it ends with its segment, or after ``max_bytes``."""
    for what, value, least in (("offset", offset, 0), ("max_bytes", max_bytes, 1)):
        if not isinstance(value, int) or value < least:
            fault = FieldError(what, repr(value), f"give a whole number of at least {least}")
            raise InvalidConfigurationError("request", [fault])
    segment, within = contract.locate(offset, contract.LOG_SEGMENT_BYTES)
    length = min(max_bytes, MAX_READ, contract.LOG_SEGMENT_BYTES - within)
    return Part(contract.ApplicationBlobs(checked_id(name, "name")).log_segment(segment), within, length)


def whole_characters(data: bytes) -> bytes:
    """Leave out the beginning of a character at the end, whose rest the next read will bring."""
    for held in range(1, min(3, len(data)) + 1):
        lead = data[-held]
        if lead >= 0xC0:  # the first byte of a character of several
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return data[:-held] if held < length else data
        if lead < 0x80:
            break
    return data


def breaks_character(where: LogChunk, data: bytes) -> bool:
    """Return whether a character begins in a chunk's segment and ends in the next one.

    :param data: the chunk's bytes without the beginning of a character at their end.
    """
    return len(data) < len(where.data) and where.next_offset % contract.LOG_SEGMENT_BYTES == 0


def has_more(where: Part, data: bytes, total: int) -> bool:
    """Return whether there is more of the log behind what was read of a segment of this size."""
    end = where.offset + len(data)
    return end < total or end == contract.LOG_SEGMENT_BYTES


def is_log(blob: str) -> bool:
    """Return whether a blob is kept with ``keep_logs``: an application's log or its outcome."""
    parts = blob.split("/")
    return len(parts) >= 3 and parts[0] == "apps" and (parts[2] == "log" or parts[2:] == ["result.json"])


def text_without_log(failure: Failure | None) -> str:
    """Return what stands for the log of an application that never started."""
    return f"The application never started. {failure}\n" if failure else ""
