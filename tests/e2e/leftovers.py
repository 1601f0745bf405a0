"""What still runs of something that a test has started."""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["MARK", "processes_with"]

MARK = "AZTK_TEST"  # in the environment of what the test starts; all of it inherits it


def processes_with(mark: str) -> list[str]:
    """Find the processes that carry a test's mark in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in entry.read_bytes().split(b"\0"):
                found.append((entry.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
