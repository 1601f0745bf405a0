"""Times, durations and ETags in the forms that Batch writes and reads."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = [
    "NO_LIMIT",
    "EtagClock",
    "format_http",
    "format_time",
    "parse_duration",
    "parse_http",
    "parse_time",
    "utcnow",
]

#: How Batch writes "no limit".
NO_LIMIT = "P10675199DT2H48M5.4775807S"

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_UNITS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_UNLIMITED_SECONDS = 10_000_000 * 86400
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


def utcnow() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def format_time(when: datetime) -> str:
    """Write a time as Batch does: UTC, trailing zeros of the fraction cut."""
    text = when.isoformat(timespec="microseconds")[:26]
    return text.rstrip("0").rstrip(".") + "Z"


def parse_time(text: str) -> datetime:
    """Read an ISO-8601 time; without an offset it is UTC.

    :raises ValueError: the text is no time.
    """
    # Seven fraction digits are usual here, and too many for fromisoformat before Python 3.11's six.
    when = datetime.fromisoformat(_FRACTION.sub(r".\1", text.strip()))
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def format_http(when: datetime) -> str:
    """Write a time as RFC 1123 wants it in a header, whatever the locale."""
    return (
        f"{_DAYS[when.weekday()]}, {when.day:02d} {_MONTHS[when.month - 1]} {when.year} "
        f"{when.hour:02d}:{when.minute:02d}:{when.second:02d} GMT"
    )


def parse_http(text: str) -> datetime:
    """Read an RFC 1123 time.

    :raises ValueError: the text is no such time.
    """
    _, day, month, year, clock, _ = text.split()
    hour, minute, second = (int(part) for part in clock.split(":"))
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)


def parse_duration(text: str) -> float | None:
    """Read an ISO-8601 duration in seconds; ``None`` means no limit.

    :raises ValueError: the text is no duration.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None or text.endswith(("P", "T")):
        raise ValueError(f"not an ISO-8601 duration: {text!r}")
    seconds = sum(float(value) * _UNITS[unit] for unit, value in match.groupdict().items() if value)
    return None if seconds >= _UNLIMITED_SECONDS else seconds


class EtagClock:
    """Hands out ETags that look like the service's and never repeat."""

    _EPOCH = datetime(1, 1, 1, tzinfo=UTC)

    def __init__(self) -> None:
        self._last = 0

    def next(self, when: datetime) -> str:
        """Make the ETag of a change at *when*."""
        delta = when - self._EPOCH
        ticks = ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 10
        self._last = max(ticks, self._last + 1)
        return f"0x{self._last:X}"
