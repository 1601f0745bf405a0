"""The service's clock, from the ``Date`` header of its answers, as the nodes have it too.

The clock of this machine may be minutes off. Whatever is compared with a time of the service, or is sent to it, is
taken from here.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: The service refuses signatures older than 15 minutes; a difference below is no reason for a refusal.
NOTABLE_SKEW = timedelta(minutes=5)


def parse_date(text: str | None) -> datetime | None:
    """Read an HTTP date; None where there is none."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def timestamp(text: str | None) -> datetime | None:
    """Read a time as Batch writes it, with up to seven digits of a second."""
    return datetime.fromisoformat(text) if text else None


class ServiceClock:
    """The time of the service: that of its last answer, and what has passed since by a clock that nobody sets."""

    def __init__(self) -> None:
        self._noted: tuple[datetime, float] | None = None

    def note(self, date: str | None) -> None:
        """Take the time from an answer's ``Date`` header."""
        now = parse_date(date)
        if now is not None:
            self._noted = (now, time.monotonic())

    def now(self) -> datetime:
        """Return the service's time; this machine's, before the first answer."""
        if self._noted is None:
            return datetime.now(UTC)
        noted, then = self._noted
        return noted + timedelta(seconds=time.monotonic() - then)


def skew_hint(date: str | None) -> str:
    """Return what to say of a refused request where this machine's clock differs from the answer's ``Date``."""
    theirs = parse_date(date)
    if theirs is None:
        return ""
    ahead = datetime.now(UTC) - theirs
    if abs(ahead) < NOTABLE_SKEW:
        return ""
    way = "ahead of" if ahead > timedelta(0) else "behind"
    minutes = round(abs(ahead).total_seconds() / 60)
    clock = f"the clock of this machine is {minutes} minutes {way} the service's"
    return f"; {clock}, which refuses a difference of 15: set it right"
