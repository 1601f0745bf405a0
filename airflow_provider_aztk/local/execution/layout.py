"""The directories of a node, and the one way from a path in a request to a file in them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

__all__ = [
    "PathOutsideError",
    "make_node_root",
    "make_task_directory",
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
    """Tell where a task's files lie on its node."""
    return root / "workitems" / job_id / "job-1" / task_id


def make_task_directory(directory: Path) -> None:
    """Make a fresh directory for a run: ``wd`` and two empty files of output."""
    remove_tree(directory)
    (directory / "wd").mkdir(parents=True)
    for name in ("stdout.txt", "stderr.txt"):
        (directory / name).touch(0o644)


def remove_tree(directory: Path) -> None:
    """Remove a directory with all that is in it; links are not followed."""
    shutil.rmtree(directory, ignore_errors=True)


def resolve_inside(root: Path, relative: str) -> Path:
    """Find the file that a request names, if it lies in *root*, links and ``..`` taken into account.

    :raises PathOutsideError: it does not, or is no path at all.
    """
    pure = PurePosixPath(relative)
    if not relative or "\0" in relative or pure.is_absolute() or ".." in pure.parts:
        raise PathOutsideError(relative)
    real_root = os.path.realpath(root)
    try:
        real = os.path.realpath(os.path.join(real_root, relative))
    except (OSError, ValueError) as error:
        raise PathOutsideError(relative) from error
    if real != real_root and not real.startswith(real_root + os.sep):
        raise PathOutsideError(relative)
    return Path(real)
