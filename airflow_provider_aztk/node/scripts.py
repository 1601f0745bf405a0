"""Run the user's custom scripts before a Spark process starts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Collection, List, Mapping, Sequence

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.errors import ScriptFailedError
from airflow_provider_aztk.node.say import say

if TYPE_CHECKING:
    from airflow_provider_aztk.node.documents import Script

__all__ = ["command_of", "due", "run_scripts"]

Run = Callable[[List[str], Mapping[str, str]], int]


def due(scripts: Sequence[Script], roles: Collection[str]) -> List[Script]:
    """Choose the scripts for what runs here, ``master`` (drivers too), ``worker`` or both, in their order."""
    return [script for script in scripts if script.run_on == contract.RUN_ON_ALL or script.run_on in roles]


def command_of(path: str) -> List[str]:
    """Give the command for a script: as its first line says, else with the shell."""
    with open(path, "rb") as file:
        has_interpreter = file.read(2) == b"#!"
    return [path] if has_interpreter else ["/bin/sh", path]


def run_scripts(
    scripts: Sequence[Script], roles: Collection[str], workdir: str, env: Mapping[str, str], run: Run
) -> None:
    """Run the scripts of the given roles one after the other.

    :param run: runs a command with an environment and gives its exit code; where its output goes is its own affair
    :raises ScriptFailedError: one is missing or ended with another code than 0
    """
    for script in due(scripts, roles):
        path = os.path.join(workdir, *script.file.split("/"))
        if not os.path.isfile(path):
            raise ScriptFailedError(f"custom script {script.name}: {script.file} is not on the node")
        os.chmod(path, 0o755)
        say(f"running custom script {script.name}")
        code = run(command_of(path), env)
        if code != 0:
            raise ScriptFailedError(f"custom script {script.name} ended with exit code {code}")
