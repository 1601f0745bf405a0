"""Ends what a stack left behind if the stack itself was killed. A process of its own; standard library only.

Its arguments: name and value of the environment variable that everything the stack started has, and a directory to
delete (or ``-``). Waits for the end of its standard input, which comes when the stack ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from airflow_provider_aztk.local.batch.execution import process_table

__all__ = ["command", "main"]

_ROUNDS = 100
_PAUSE = 0.05


def command(variable: tuple[str, str], directory: Path | None) -> list[str]:
    """Return the command that starts the guardian of a stack.

    :param variable: name and value of an environment variable that everything the stack starts has.
    :param directory: what is to be deleted; None: nothing.
    """
    root = Path(__file__).resolve().parents[len(__name__.split(".")) - 1]
    start = f"import sys; sys.path.insert(0, sys.argv[1]); from {__name__} import main; main()"
    return [sys.executable, "-I", "-S", "-c", start, str(root), *variable, str(directory or "-")]


def main() -> None:
    """Wait for the stack's end, then end its processes and delete its directory."""
    name, value, directory = sys.argv[-3:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while sys.stdin.buffer.read(1):
        pass
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        left = _with_descendants(process_table.with_variable(name, value))
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


def _with_descendants(pids: list[int]) -> set[int]:
    """Add what they started: it may have dropped its environment. They die together, while the tree still shows."""
    owners = dict.fromkeys(pids, True)
    process_table.add_descendants(owners, process_table.parents_of_living())
    return set(owners) - {os.getpid()}
