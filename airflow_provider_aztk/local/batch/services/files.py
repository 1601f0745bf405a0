"""Files of tasks and nodes: found, listed, read, deleted, and never outside their directory."""

from __future__ import annotations

import mimetypes
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.execution.layout import (
    PathOutsideError,
    make_task_directory,
    node_of,
    remove_tree,
    resolve_inside,
)
from airflow_provider_aztk.local.batch.store.states import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.local.batch.store.records import NodeRecord, TaskRecord

__all__ = ["FileEntry", "FileService"]

_TEXT = "text/plain"
_BINARY = "application/octet-stream"


class FileEntry(NamedTuple):
    """A file or directory on a node."""

    name: str
    path: Path
    is_directory: bool
    size: int
    modified: datetime
    created: datetime
    mode: str
    content_type: str

    @property
    def id(self) -> str:
        """The name, by which lists are paged."""
        return self.name


class FileService:
    """Reaches into the directories of nodes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def task_root(self, task: TaskRecord) -> Path:
        """Find a task's directory on its node.

        :raises BatchServiceError: it has none yet, or none any more.
        """
        if task.state is TaskState.ACTIVE and task.directory is None:
            raise BatchServiceError("OperationInvalidForCurrentState", Reason="The task has not run yet.")
        if task.files_cleaned:
            raise BatchServiceError("TaskFilesCleanedup")
        if task.directory is None:
            raise BatchServiceError("TaskFilesUnavailable")
        self._check_place(task.directory)
        if not task.directory.exists():
            self._materialise(task, task.directory)
        return task.directory

    def node_root(self, node: NodeRecord) -> Path:
        """Find a node's root directory.

        :raises BatchServiceError: the node has not booted.
        """
        if not node.root.exists():
            raise BatchServiceError("NodeNotReady", Reason=f"The node is {node.state}.")
        self._check_place(node.root)
        return node.root

    def find(self, root: Path, relative: str) -> FileEntry:
        """Find a file or directory below a root.

        :raises BatchServiceError: ``FileNotFound``.
        """
        try:
            path = resolve_inside(root, relative)
            return _entry(path, relative.strip("/"))
        except (PathOutsideError, OSError, ValueError) as error:
            raise BatchServiceError("FileNotFound") from error

    def listing(self, root: Path, *, recursive: bool) -> list[FileEntry]:
        """List what lies below a root: breadth first, directories too; links that lead outside are left out."""
        found: list[FileEntry] = []
        folders = [""]
        while folders:
            deeper: list[str] = []
            for folder in folders:
                for entry in _children(root, folder):
                    found.append(entry)
                    if entry.is_directory and not os.path.islink(root / entry.name):
                        deeper.append(entry.name)
            folders = deeper if recursive else []
        return found

    def delete(self, root: Path, relative: str, *, recursive: bool) -> None:
        """Delete a file, or a directory if it is empty or *recursive* is given."""
        entry = self.find(root, relative)
        if entry.path == Path(os.path.realpath(root)):
            raise BatchServiceError("FileNotFound")
        named = resolve_inside(root, os.path.dirname(relative.strip("/")) or ".") / os.path.basename(entry.name)
        if named.is_symlink():
            named.unlink()  # the link goes, not what it points to
        elif not entry.is_directory:
            entry.path.unlink(missing_ok=True)
        elif recursive:
            remove_tree(entry.path)
        else:
            try:
                entry.path.rmdir()
            except OSError as error:
                raise BatchServiceError("DirectoryNotEmpty") from error

    def read(self, entry: FileEntry, start: int, length: int, chunk: int = 256 * 1024) -> Iterator[bytes]:
        """Read a part of a file; it ends early if the file became shorter.

        :raises BatchServiceError: ``FileNotFound``, before anything is read.
        """
        try:
            handle = entry.path.open("rb")
        except OSError as error:
            raise BatchServiceError("FileNotFound") from error
        return _chunks(handle, start, length, chunk)

    def _check_place(self, directory: Path) -> None:
        """Refuse a directory that a task has replaced by a link to another place.

        :raises BatchServiceError: ``TaskFilesUnavailable``.
        """
        home = self._data_dir
        if os.path.realpath(directory) != os.path.join(os.path.realpath(home), directory.relative_to(home)):
            raise BatchServiceError("TaskFilesUnavailable")

    def _materialise(self, task: TaskRecord, directory: Path) -> None:
        """Make the files of a simulated task when somebody asks for them."""
        declared = task.spec.simulation
        if declared is None or not node_of(directory).exists():
            raise BatchServiceError("TaskFilesUnavailable")
        make_task_directory(directory)
        (directory / "stdout.txt").write_text(declared.stdout, encoding="utf-8")


def _chunks(handle: BinaryIO, start: int, length: int, chunk: int) -> Iterator[bytes]:
    with handle:
        handle.seek(start)
        while length > 0:
            data = handle.read(min(chunk, length))
            if not data:
                return
            length -= len(data)
            yield data


def _children(root: Path, folder: str) -> Iterator[FileEntry]:
    try:
        names = sorted(os.listdir(root / folder))
    except OSError:
        return  # it vanished, or cannot be read
    for name in names:
        relative = f"{folder}/{name}" if folder else name
        try:
            yield _entry(resolve_inside(root, relative), relative)
        except (PathOutsideError, OSError, ValueError):
            continue  # it vanished, or leads outside


def _entry(path: Path, name: str) -> FileEntry:
    info = path.stat()
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
        raise PathOutsideError(name)  # a pipe or socket: reading it would hang
    guessed = mimetypes.guess_type(name)[0] or _BINARY
    return FileEntry(
        name=name,
        path=path,
        is_directory=stat.S_ISDIR(info.st_mode),
        size=info.st_size,
        modified=datetime.fromtimestamp(info.st_mtime, UTC),
        created=datetime.fromtimestamp(info.st_ctime, UTC),
        mode=f"0o{info.st_mode:o}",
        content_type=_TEXT if guessed.startswith("text/") else _BINARY,
    )
