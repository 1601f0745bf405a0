"""Make the directory of one attempt of a task: Batch runs a task that failed again in the same, dirty directory."""

from __future__ import annotations

import os
import shutil

__all__ = ["make_attempt_directory"]

DIRECTORY = "attempts"


def make_attempt_directory(workdir: str) -> str:
    """Make an empty directory for all that this attempt writes, remove those of earlier attempts, and return its path.

    :param workdir: the task's working directory, in which Batch puts the task's files
    """
    parent = os.path.join(workdir, DIRECTORY)
    os.makedirs(parent, exist_ok=True)
    earlier = [int(name) for name in os.listdir(parent) if name.isdigit()]
    made = os.path.join(parent, str(max(earlier, default=0) + 1))
    os.mkdir(made)
    for number in earlier:
        shutil.rmtree(os.path.join(parent, str(number)), ignore_errors=True)
    return made
