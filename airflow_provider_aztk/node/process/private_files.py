"""Files that only this process and its children can read, and that do not outlive it.

Even a process that is killed must leave no secret behind. On Linux such a file is in memory, and its only name is
``/proc/PID/fd/N``; elsewhere it is in a private directory, which the guard of a child removes if this process cannot.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Dict

from airflow_provider_aztk.node.errors import BadInputError

__all__ = ["PrivateFiles"]


class PrivateFiles:
    """The private files of this process.

    :param task_dir: the task's directory: Batch shows its files to readers of the task, so no private file is in it
    """

    def __init__(self, task_dir: str) -> None:
        self.parent = _outside(task_dir)
        self.directory = ""
        self._open: Dict[str, int] = {}

    def write(self, name: str, text: str) -> str:
        """Write a file, replacing an earlier one of that name, and return the path under which children can read it."""
        try:
            return self._in_memory(name, text)
        except (AttributeError, OSError):
            return self._on_disk(name, text)

    def close(self) -> None:
        """Remove all files."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _in_memory(self, name: str, text: str) -> str:
        descriptor = os.memfd_create(name)
        path = f"/proc/{os.getpid()}/fd/{descriptor}"
        try:
            os.fchmod(descriptor, 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="\n", closefd=False) as file:
                file.write(text)
            with open(path, encoding="utf-8", newline="\n") as file:
                if file.read() != text:
                    raise OSError("what was written cannot be read back")
        except OSError:
            os.close(descriptor)
            raise
        if name in self._open:
            os.close(self._open[name])
        self._open[name] = descriptor
        return path

    def _on_disk(self, name: str, text: str) -> str:
        if not self.directory:
            self.directory = tempfile.mkdtemp(prefix="aztk-", dir=self.parent)
        path = os.path.join(self.directory, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return path


def _outside(task_dir: str) -> str:
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        inside = os.path.commonpath([os.path.abspath(parent), task_dir]) == task_dir
        if not inside and os.path.isdir(parent) and os.access(parent, os.W_OK):
            return parent
    raise BadInputError("no temporary directory outside the task's own that can be written")
