"""One local stack for a directory: a lock that goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution import process_table

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DirectoryInUseError", "DirectoryLock"]

_NAME = ".aztk-local.lock"
_SWEEP_SECONDS = 15.0  # that a guardian may need for what a killed stack has left
_PAUSE = 0.1


class DirectoryInUseError(RuntimeError):
    """Another local stack keeps its nodes and blobs in this directory; the message names it."""


class DirectoryLock:
    """Holds a directory for one stack. What the file says is for people: only the kernel's lock on it counts.

    :param directory: made where it does not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    @property
    def descriptor(self) -> int | None:
        """The open file; a child that gets it holds the lock as well."""
        return self._file

    def take(self) -> None:
        """Take the lock. Where a killed stack's guardian still holds it, wait until that has swept up.

        :raises DirectoryInUseError: another stack has it.
        :raises OSError: the directory cannot be written to.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        file = os.open(self._directory / _NAME, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            deadline = time.monotonic() + _SWEEP_SECONDS
            while not _lock(file):
                owner = os.pread(file, 32, 0).decode(errors="replace").strip()
                if _is_alive(owner) or time.monotonic() > deadline:
                    raise DirectoryInUseError(
                        f"--data-dir {self._directory}: in use by another local stack (process {owner or 'unknown'}); "
                        "stop that one, or give another directory"
                    )
                time.sleep(_PAUSE)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def release(self) -> None:
        """Release the lock. The file stays: processes that wait for it have it open."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(owner: str) -> bool:
    """Return whether the process that the file names runs; one that has not yet written its number does."""
    if not owner.isdigit():
        return True
    if not process_table.exists():
        return _can_be_signalled(int(owner))
    process = process_table.read(int(owner))
    return process is not None and process.is_alive


def _can_be_signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
