"""The directories of a node, and the one way from a path in a request to a file in them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = [
    "PathOutsideError",
    "is_inside",
    "make_node_root",
    "make_task_directory",
    "node_of",
    "remove_tree",
    "resolve_inside",
    "task_directory",
]

_NODE_FOLDERS = ("applications", "fsmounts", "shared", "startup", "volatile", "workitems")


class PathOutsideError(ValueError):
    """A path leaves the directory that it must stay in."""


def make_node_root(root: Path) -> None:
    """Make the folders that every node has."""
    for name in _NODE_FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)


def task_directory(root: Path, job_id: str, task_id: str) -> Path:
    """Return the directory of a task on its node."""
    return root / "workitems" / job_id / "job-1" / task_id


def node_of(directory: Path) -> Path:
    """Return the node's directory in which a task's directory lies."""
    return directory.parents[3]


def make_task_directory(directory: Path) -> None:
    """Make a fresh directory for a run: ``wd`` and two empty files of output."""
    remove_tree(directory)
    (directory / "wd").mkdir(parents=True)
    for name in ("stdout.txt", "stderr.txt"):
        (directory / name).touch(0o644)


def remove_tree(directory: Path) -> None:
    """Remove a directory with all that is in it, write-protected or not; links are not followed."""
    if directory.is_symlink():
        directory.unlink(missing_ok=True)
        return
    shutil.rmtree(directory, ignore_errors=True)
    if not directory.exists():
        return
    for folder, _, _ in os.walk(directory):
        with suppress(OSError):
            os.chmod(folder, 0o700)
    shutil.rmtree(directory, ignore_errors=True)


def resolve_inside(root: Path, relative: str) -> Path:
    """Find the file that a request names, if it lies in *root*, links and ``..`` taken into account.

    :raises PathOutsideError: it does not, or is no path at all.
    """
    pure = PurePosixPath(relative)
    if not relative or "\0" in relative or pure.is_absolute() or ".." in pure.parts:
        raise PathOutsideError(relative)
    try:
        real = os.path.realpath(os.path.join(os.path.realpath(root), relative))
    except (OSError, ValueError) as error:
        raise PathOutsideError(relative) from error
    if not is_inside(root, Path(real)):
        raise PathOutsideError(relative)
    return Path(real)


def is_inside(root: Path, path: Path) -> bool:
    """Return whether a path lies in *root* once all links and ``..`` are followed."""
    real_root, real = os.path.realpath(root), os.path.realpath(path)
    return real == real_root or real.startswith(real_root + os.sep)
