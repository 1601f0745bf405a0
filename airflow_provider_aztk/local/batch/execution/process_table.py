"""The processes of this machine, as /proc shows them: the one reader of it. Standard library only.

Where there is no /proc (macOS) no process is found.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Process",
    "add_descendants",
    "command_line",
    "environment",
    "exists",
    "parents_of_living",
    "processes",
    "read",
    "with_variable",
]

_PROC = Path("/proc")

T = TypeVar("T")


class Process(NamedTuple):
    """One process; *state* is the kernel's letter, ``Z`` for one that has ended and was not yet reaped."""

    pid: int
    state: str
    parent: int
    session: int

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.state not in "ZX"


def exists() -> bool:
    """Return whether this system shows its processes."""
    return _PROC.joinpath("self").exists()


def read(pid: int) -> Process | None:
    """Read one process; None if it is gone."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]))
    except (OSError, ValueError, IndexError):
        return None


def processes() -> Iterator[Process]:
    """Iterate over all processes."""
    names = os.listdir(_PROC) if exists() else []
    return (process for name in names if name.isdigit() and (process := read(int(name))) is not None)


def environment(pid: int) -> list[bytes]:
    """Return the ``NAME=value`` entries of the environment that a process was started with; none if it is not ours."""
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def command_line(pid: int) -> str:
    """Return the command line of a process; empty if it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def with_variable(name: str, value: str) -> list[int]:
    """Find the other living processes that inherited an environment variable with this value."""
    entry, me = f"{name}={value}".encode(), os.getpid()
    return [p.pid for p in processes() if p.is_alive and p.pid != me and entry in environment(p.pid)]


def parents_of_living() -> dict[int, int]:
    """Return the parent of each living process."""
    return {process.pid: process.parent for process in processes() if process.is_alive}


def add_descendants(owners: dict[int, T], parents: Mapping[int, int]) -> None:
    """Add each descendant of a process, with the owner of its ancestor.

    :param owners: by process id; added to.
    """
    grown = bool(owners)
    while grown:
        found = {pid: owners[parent] for pid, parent in parents.items() if parent in owners and pid not in owners}
        owners.update(found)
        grown = bool(found)
