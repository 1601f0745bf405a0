"""Read values out of text: durations, whole numbers, switches, paths."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

#: Azure Batch ends a task 180 days after it was added, and with its master a cluster ends.
MAX_DURATION = timedelta(days=180)
_SHORT_DURATION = re.compile(r"(\d+)\s*([smhd])")
_PLAIN_SECONDS = re.compile(r"[0-9]{1,18}(\.[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def is_text(value: str) -> bool:
    """Return whether a text can be written anywhere: no NUL byte, no half of a character."""
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def is_file(path: str | Path) -> bool:
    """Return whether this is an existing file; ``~nobody`` is none."""
    try:
        return Path(path).expanduser().is_file()
    except (RuntimeError, ValueError, OSError):
        return False


def is_folder(path: str | Path) -> bool:
    """Return whether this is an existing folder."""
    try:
        return Path(path).expanduser().is_dir()
    except (RuntimeError, ValueError, OSError):
        return False


def duration(value: object) -> object:
    """Read a duration: timedelta, seconds (as text, too), ``"90m"``, ``"2h"``, ISO 8601; return the rest unchanged."""
    try:
        return _duration(value)
    except (OverflowError, ValueError):  # not a number, or longer than a timedelta can be
        return value


def _duration(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _PLAIN_SECONDS.fullmatch(text):
        return timedelta(seconds=float(text))
    if match := _SHORT_DURATION.fullmatch(text):
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    return _iso(text, value) if text.upper().startswith("P") else value


def _iso(text: str, otherwise: object) -> object:
    import isodate

    try:
        parsed = isodate.parse_duration(text.upper())
    except isodate.ISO8601Error:
        return otherwise
    return parsed if isinstance(parsed, timedelta) else otherwise


def iso_duration(value: timedelta) -> str:
    """Return a duration as Azure Batch takes it, e.g. ``PT2H``."""
    import isodate

    return str(isodate.duration_isoformat(value))


def whole_number(value: object) -> object:
    """Read a whole number from text, as a rendered template gives it; return the rest unchanged."""
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()) else value


def truth(value: object) -> object:
    """Read true or false from text, whatever the case; return the rest unchanged."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value
