"""Finding and ending every process that tasks started, wherever they hide."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["RUN_VARIABLE", "Sweeper", "become_subreaper", "end_strays", "scan"]

log = logging.getLogger(__name__)

#: Every process of a run carries this variable, so that one which left its session is found too.
RUN_VARIABLE = "AZTK_LOCAL_RUN_ID"

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")
_MARK = f"{RUN_VARIABLE}=".encode()
_ROUNDS = 100
_PAUSE = 0.02


def become_subreaper() -> None:
    """Let orphans of tasks become children of this process, so that they can be seen and reaped. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Scan(NamedTuple):
    """What one look at all processes found: the living ones of each run, and dead children of this process."""

    living: dict[str, set[int]]
    dead_children: list[int]


def scan(runs: Mapping[str, int]) -> Scan:
    """Find the processes of runs: by session, by the variable they inherited, by ancestry.

    :param runs: the runs, each with the session that its command was started in.
    """
    by_session = {session: run for run, session in runs.items()}
    me = os.getpid()
    owner: dict[int, str] = {}
    parents: dict[int, int] = {}
    dead: list[int] = []
    for name in os.listdir(_PROC):
        stat = _stat(name) if name.isdigit() else None
        if stat is None:
            continue
        pid, (state, parent, session) = int(name), stat
        if state in "ZX":
            if parent == me:
                dead.append(pid)
            continue
        parents[pid] = parent
        run = by_session.get(session) or _inherited_run(name)
        if run is not None and run in runs and pid != me:
            owner[pid] = run
    _add_descendants(owner, parents)
    living: dict[str, set[int]] = {run: set() for run in runs}
    for pid, run in owner.items():
        living[run].add(pid)
    return Scan(living, dead)


def _add_descendants(owner: dict[int, str], parents: dict[int, int]) -> None:
    grown = bool(owner)
    while grown:
        found = {pid: owner[parent] for pid, parent in parents.items() if parent in owner and pid not in owner}
        owner.update(found)
        grown = bool(found)


def _stat(name: str) -> tuple[str, int, int] | None:
    """Read (state, parent, session) of a process."""
    try:
        fields = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[1]), int(fields[3])
    except (OSError, ValueError, IndexError):
        return None  # it is gone


def _inherited_run(name: str) -> str | None:
    try:
        variables = (_PROC / name / "environ").read_bytes()
    except OSError:
        return None  # gone, or another user's
    if _MARK not in variables:
        return None
    found = next((entry for entry in variables.split(b"\0") if entry.startswith(_MARK)), None)
    return None if found is None else found.removeprefix(_MARK).decode(errors="replace")


class Sweeper:
    """Ends what runs left behind. Runs that end at the same time share their looks at the process table.

    :param orphans: picks those of some dead children that nobody else waits for; they are reaped here.
    """

    def __init__(self, orphans: Callable[[list[int]], set[int]]) -> None:
        self._orphans = orphans
        self._waiting: dict[str, tuple[int, asyncio.Future[None]]] = {}
        self._rounds: dict[str, int] = {}
        self._stopped: dict[str, set[int]] = {}
        self._work: asyncio.Task[None] | None = None

    def end_tree(self, run: str, session: int) -> None:
        """Begin to end a run whose command still lives.

        The command dies together with its descendants, not before them: else one that left the session and dropped
        its environment could no longer be told from anybody else's.
        """
        if _PROC.joinpath("self").exists():
            self._begin(run, session)
        else:
            _end_session(session)

    async def sweep(self, run: str, session: int) -> None:
        """End every process of a run; return when none is left. Without /proc only its session is ended."""
        if _PROC.joinpath("self").exists():
            await self._begin(run, session)
        else:
            _end_session(session)

    def _begin(self, run: str, session: int) -> asyncio.Future[None]:
        if run not in self._waiting:
            self._waiting[run] = (session, asyncio.get_running_loop().create_future())
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._sweep_all())
        return self._waiting[run][1]

    async def _sweep_all(self) -> None:
        while self._waiting:
            runs = {run: session for run, (session, _) in self._waiting.items()}
            found = await asyncio.to_thread(scan, runs)
            for run, pids in found.living.items():
                self._end(run, pids)
            _reap(self._orphans(found.dead_children))
            if self._waiting:
                await asyncio.sleep(_PAUSE)

    def _end(self, run: str, pids: set[int]) -> None:
        _stop_then_kill(pids, self._stopped.setdefault(run, set()))
        rounds = self._rounds[run] = self._rounds.get(run, 0) + 1
        if pids and rounds < _ROUNDS:
            return
        if pids:
            log.warning("processes %s of run %s would not end", sorted(pids), run)
            _signal(pids, signal.SIGKILL)
        del self._rounds[run], self._stopped[run]
        self._waiting.pop(run)[1].set_result(None)


async def end_strays(keep: set[int]) -> None:
    """End what is left of this process's descendants when all runs are over.

    A child that dropped session and environment, and whose parents ended by themselves, is told from no other run's: it
    lives until now.

    :param keep: children that are not of runs.
    """
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        left = await asyncio.to_thread(_descendants) - keep
        if not left:
            return
        _stop_then_kill(left, stopped)
        await asyncio.sleep(_PAUSE)


def _descendants() -> set[int]:
    """Find the living processes that descend from this one."""
    if not _PROC.joinpath("self").exists():
        return set()
    stats = {int(name): _stat(name) for name in os.listdir(_PROC) if name.isdigit()}
    parents = {pid: stat[1] for pid, stat in stats.items() if stat is not None and stat[0] not in "ZX"}
    me = os.getpid()
    owner = {me: ""}
    _add_descendants(owner, parents)
    return owner.keys() - {me}


def _stop_then_kill(pids: set[int], stopped: set[int]) -> None:
    """Stop what is new, and kill all when nothing is: what a dying process starts would have no parent to tell.

    :param stopped: what earlier rounds have stopped; added to.
    """
    new = pids - stopped
    _signal(new or pids, signal.SIGSTOP if new else signal.SIGKILL)
    stopped |= new


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _end_session(session: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


def _reap(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
