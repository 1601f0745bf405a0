"""Finding and ending every process that a task started, wherever it hides."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RUN_VARIABLE", "become_subreaper", "find_processes", "kill_processes", "reap_orphans"]

#: Every process of a run carries this variable, so that one which left its session is found too.
RUN_VARIABLE = "AZTK_LOCAL_RUN_ID"

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Let orphans of tasks become children of this process, so that they can be seen and reaped. Linux only."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _stat(pid: str) -> tuple[str, int, int] | None:
    """Read (state, parent, session) of a process."""
    try:
        fields = (_PROC / pid / "stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[1]), int(fields[3])
    except (OSError, ValueError, IndexError):
        return None  # it is gone


def _carries(pid: str, marks: tuple[bytes, ...]) -> bool:
    try:
        variables = (_PROC / pid / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # gone, or another user's
    return any(mark in variables for mark in marks)


def find_processes(runs: Iterable[str], sessions: Iterable[int] = ()) -> list[int]:
    """Find the living processes of some runs: by session, by the variable they inherited, by ancestry."""
    marks = tuple(f"{RUN_VARIABLE}={run}".encode() for run in runs)
    wanted_sessions = frozenset(sessions)
    me = os.getpid()
    found: set[int] = set()
    parents: dict[int, int] = {}
    for entry in _PROC.glob("[0-9]*"):
        stat = _stat(entry.name)
        if stat is None or stat[0] in "ZX" or int(entry.name) == me:
            continue
        pid = int(entry.name)
        parents[pid] = stat[1]
        if stat[2] in wanted_sessions or (marks and _carries(entry.name, marks)):
            found.add(pid)
    grown = True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in found} - found
        found |= children
        grown = bool(children)
    return sorted(found)


def kill_processes(pids: Iterable[int]) -> None:
    """End processes at once; those already gone are no matter."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def reap_orphans(own_children: set[int]) -> None:
    """Reap dead processes that were adopted; those in *own_children* have somebody else who waits for them."""
    me = os.getpid()
    for entry in _PROC.glob("[0-9]*"):
        stat = _stat(entry.name)
        if stat is None or stat[0] != "Z" or stat[1] != me or int(entry.name) in own_children:
            continue
        try:
            os.waitpid(int(entry.name), os.WNOHANG)
        except ChildProcessError:
            continue
