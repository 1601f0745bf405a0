"""Tasks as real processes, each in a session of its own, ended as a tree."""

from __future__ import annotations

import asyncio
import os
import shlex
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution.base import Command, Execution, Failure, Outcome
from airflow_provider_aztk.local.batch.execution.process_trees import RUN_VARIABLE, Sweeper

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ProcessExecutor"]


class _NotStarted:
    """A command that could not start."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def wait(self) -> Outcome:
        return self._outcome

    def kill(self) -> None:
        """Nothing runs."""


class _Running:
    """A command that runs as a process."""

    def __init__(self, owner: ProcessExecutor, process: asyncio.subprocess.Process, run: str) -> None:
        self._owner = owner
        self._process = process
        self._run = run

    async def wait(self) -> Outcome:
        code = await self._process.wait()
        # What outlived the command goes with it, as a container's processes do.
        await self._owner.sweeper.sweep(self._run, self._process.pid)
        self._owner.forget(self._run)
        # A process that a signal ended reports 128 + signal, as shells and Docker say it.
        return Outcome(exit_code=code if code >= 0 else 128 - code)

    def kill(self) -> None:
        self._owner.sweeper.end_tree(self._run, self._process.pid)


class ProcessExecutor:
    """Starts commands as processes, without a shell."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._starting = 0
        self.sweeper = Sweeper(self._orphans)

    @property
    def children(self) -> set[int]:
        """The processes that are waited for here."""
        return {process.pid for process in self._processes.values()}

    async def start(self, command: Command) -> Execution:
        """Start a command in its ``wd``; its output goes to ``stdout.txt`` and ``stderr.txt`` beside that."""
        run = uuid.uuid4().hex
        try:
            words = shlex.split(command.line)
        except ValueError as error:
            return _NotStarted(_launch_failure("CommandLaunchFailed", str(error)))
        if not words:
            return _NotStarted(_launch_failure("CommandLaunchFailed", "The command line is empty."))
        self._starting += 1
        try:
            process = await self._spawn(words, command, run)
            self._processes[run] = process
        except (FileNotFoundError, NotADirectoryError) as error:
            return _NotStarted(_launch_failure("CommandProgramNotFound", error.strerror or str(error)))
        except (OSError, ValueError) as error:
            return _NotStarted(_launch_failure("CommandLaunchFailed", str(error)))
        finally:
            self._starting -= 1
        return _Running(self, process, run)

    def _orphans(self, dead: list[int]) -> set[int]:
        # While a process starts, a dead child may be that one, whose exit code somebody is about to ask for.
        return set() if self._starting else set(dead) - self.children

    def forget(self, run: str) -> None:
        """Drop a run that is over."""
        self._processes.pop(run, None)

    async def _spawn(self, words: list[str], command: Command, run: str) -> asyncio.subprocess.Process:
        env = {**command.env, **self._marks, RUN_VARIABLE: run}
        program = _find_program(words[0], env.get("PATH", ""), command.directory / "wd")
        out, err = (_open_for_append(command.directory / name) for name in ("stdout.txt", "stderr.txt"))
        try:
            return await asyncio.create_subprocess_exec(
                *words,
                executable=program,
                cwd=command.directory / "wd",
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        finally:
            os.close(out)
            os.close(err)


def _open_for_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _find_program(name: str, search: str, directory: Path) -> str:
    """Find a program by the task's PATH, not the emulator's; a path is relative to the task's directory."""
    if "/" in name:
        return str(directory / name)
    for folder in filter(None, search.split(os.pathsep)):
        candidate = Path(folder, name)
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    raise FileNotFoundError(2, "No such file or directory", name)


def _launch_failure(code: str, reason: str) -> Outcome:
    message = (
        "The specified command program is not found"
        if code == "CommandProgramNotFound"
        else "The specified command cannot be launched"
    )
    return Outcome(failure=Failure(code=code, message=message, details=(("Message", reason),)))
