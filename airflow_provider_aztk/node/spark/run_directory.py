"""Make the directory that a driver runs in, with the application's files, as in AZTK."""

from __future__ import annotations

import os
import shutil
from typing import Iterable

from airflow_provider_aztk.node.errors import BadInputError

__all__ = ["make_run_directory"]

DIRECTORY = "driver"


def make_run_directory(parent: str, paths: Iterable[str]) -> str:
    """Make an empty directory and put files into it, under their own names; return its path.

    The node code itself does not use it, so a file may have any name.

    :param parent: the directory of this attempt
    :param paths: paths of files; URLs, which Spark downloads itself, are ignored
    :raises BadInputError: two different files have one name
    """
    directory = os.path.join(parent, DIRECTORY)
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    for path in dict.fromkeys(paths):
        if os.path.isabs(path):
            _put(path, os.path.join(directory, os.path.basename(path)))
    return directory


def _put(source: str, target: str) -> None:
    if os.path.exists(target):
        raise BadInputError(f"two files are named {os.path.basename(target)}: rename one of them")
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy(source, target)
