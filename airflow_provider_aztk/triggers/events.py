"""The one shape of what a trigger tells its task."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["WaitEvent", "WaitStatus"]


class WaitStatus:
    """The values of an event's ``status``; plain strings, for they travel as JSON."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"


class WaitEvent(TypedDict):
    """The one shape of every event of every trigger.

    ``status``: see :class:`WaitStatus`. ``message``: what went wrong, or None. ``code``: Azure's code or the driver's
    exit code as text, or None. ``ids``: what was waited for. ``result``: plain JSON, what the wait found out.
    ``remote``: what the operator gave the trigger to hand back.
    """

    status: str
    message: str | None
    code: str | None
    ids: list[str]
    result: dict[str, Any]
    remote: dict[str, Any]
