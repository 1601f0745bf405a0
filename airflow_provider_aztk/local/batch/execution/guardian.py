"""Ends what a stack left behind if the stack itself was killed. Run as a script; standard library only.

Arguments: the stack's mark (``NAME=value``, in the environment of everything it started) and a directory to delete
(or ``-``). Waits for the end of its standard input, which comes when the stack ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress

_ROUNDS = 100
_PAUSE = 0.05


def main() -> None:
    """Wait for the stack's end, then sweep."""
    mark, directory = sys.argv[1].encode(), sys.argv[2]
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    while sys.stdin.buffer.read(1):
        pass
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        left = _with_descendants([pid for pid in _pids() if _carries(pid, mark)])
        if not left:
            break
        # What a dying process starts has no parent to tell whose it is: all stop first, and die when nothing new comes.
        new = left - stopped
        stopped |= new
        for pid in new or left:
            with suppress(OSError):
                os.kill(pid, signal.SIGSTOP if new else signal.SIGKILL)
        time.sleep(_PAUSE)
    if directory != "-":
        shutil.rmtree(directory, ignore_errors=True)
        for folder, _, _ in os.walk(directory):  # what is left is write-protected
            with suppress(OSError):
                os.chmod(folder, 0o700)
        shutil.rmtree(directory, ignore_errors=True)


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return []  # no /proc here: macOS


def _with_descendants(pids: list[int]) -> set[int]:
    """Add what they started: it may have dropped its environment. They die together, while the tree still shows."""
    parents = {pid: _parent(pid) for pid in _pids()}
    found = set(pids)
    grown = bool(found)
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found - {os.getpid()}
        found |= more
        grown = bool(more)
    return found


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return int(handle.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            return mark in handle.read().split(b"\0")
    except OSError:
        return False


if __name__ == "__main__":
    main()
