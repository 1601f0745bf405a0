"""Finding and ending every process that tasks started, wherever they hide."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aztk.local.batch.execution import process_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["RUN_VARIABLE", "Sweeper", "become_subreaper", "end_strays", "scan"]

log = logging.getLogger(__name__)

#: Every process of a run carries this variable, so that one which left its session is found too.
RUN_VARIABLE = "AZTK_LOCAL_RUN_ID"

_PR_SET_CHILD_SUBREAPER = 36
_MARK = f"{RUN_VARIABLE}=".encode()
_ROUNDS = 100
_PAUSE = 0.02


def become_subreaper() -> None:
    """Make orphans of tasks children of this process, so that they can be seen and reaped. Linux only."""
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
    for process in process_table.processes():
        if not process.is_alive:
            if process.parent == me:
                dead.append(process.pid)
            continue
        parents[process.pid] = process.parent
        run = by_session.get(process.session) or _inherited_run(process.pid)
        if run is not None and run in runs and process.pid != me:
            owner[process.pid] = run
    process_table.add_descendants(owner, parents)
    living: dict[str, set[int]] = {run: set() for run in runs}
    for pid, run in owner.items():
        living[run].add(pid)
    return Scan(living, dead)


def _inherited_run(pid: int) -> str | None:
    found = next((entry for entry in process_table.environment(pid) if entry.startswith(_MARK)), None)
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
        if process_table.exists():
            self._begin(run, session)
        else:
            _end_session(session)

    async def sweep(self, run: str, session: int) -> None:
        """End every process of a run; return when none is left. Without /proc only its session is ended."""
        if process_table.exists():
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

    A child that dropped session and environment, and whose parents ended by themselves, cannot be
    recognised as this run's: it lives until now.

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
    me = os.getpid()
    owner = {me: ""}
    process_table.add_descendants(owner, process_table.parents_of_living())
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
