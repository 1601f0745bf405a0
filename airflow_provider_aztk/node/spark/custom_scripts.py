"""Run the user's custom scripts before a Spark process starts."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Callable, Collection, Dict, List, Mapping, Sequence

from airflow_provider_aztk.node.contract import MASTER_TASK_ID, RUN_ON_ALL, RUN_ON_MASTER, RUN_ON_WORKER, ClusterBlobs
from airflow_provider_aztk.node.errors import ScriptFailedError
from airflow_provider_aztk.node.log.messages import log

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Script

__all__ = ["command_of", "due", "environment", "run_scripts"]

Run = Callable[[List[str], Mapping[str, str]], int]

ELF = b"\x7fELF"
# Runs a command in a directory of its own, with whatever shell the image has.
IN_DIRECTORY = 'cd "$1" && shift && exec "$@"'


def due(scripts: Sequence[Script], roles: Collection[str]) -> List[Script]:
    """Return the scripts of the given roles, ``master`` (drivers too), ``worker`` or both, in their order."""
    return [script for script in scripts if script.run_on == RUN_ON_ALL or script.run_on in roles]


def command_of(path: str) -> List[str]:
    """Return the command for a script: by its first line, else with the shell; a program runs by itself."""
    with open(path, "rb") as file:
        head = file.read(len(ELF))
    return [path] if head.startswith((b"#!", ELF)) else ["/bin/sh", path]


def environment(env: Mapping[str, str], roles: Collection[str], directory: str) -> Dict[str, str]:
    """Return the environment of scripts, with the variables in which AZTK named the place where they run.

    A driver's roles are the master's, beside which AZTK ran it. ``IS_MASTER`` and ``IS_WORKER`` are those of AZTK's
    first releases, where they were 1 or 0.
    """
    found = {**env, "AZTK_WORKING_DIR": directory}
    for role in (RUN_ON_MASTER, RUN_ON_WORKER):
        found[f"IS_{role.upper()}"] = "1" if role in roles else "0"
        found[f"AZTK_IS_{role.upper()}"] = "true" if role in roles else "false"
    if env.get("AZ_BATCH_JOB_ID"):
        found["AZTK_CLUSTER_ID"] = env["AZ_BATCH_JOB_ID"]
    if env.get("AZ_BATCH_TASK_ID") == MASTER_TASK_ID and env.get("SPARK_LOCAL_IP"):
        found["AZTK_MASTER_IP"] = env["SPARK_LOCAL_IP"]
    return found


def run_scripts(
    scripts: Sequence[Script], roles: Collection[str], workdir: str, directory: str, env: Mapping[str, str], run: Run
) -> None:
    """Run the scripts of the given roles one after the other.

    They run from a copy, since a script may change the files of its folder, and may be run again where it failed.

    :param workdir: where Batch has put them
    :param directory: of this attempt
    :param run: runs a command with an environment and returns its exit code
    :raises ScriptFailedError: one is missing or ended with another code than 0
    """
    env = environment(env, roles, directory)
    scripts_dir = os.path.join(directory, "scripts")
    uploaded = os.path.join(workdir, *ClusterBlobs.SCRIPTS_PREFIX.split("/"))
    if os.path.isdir(uploaded):
        shutil.copytree(uploaded, scripts_dir)
    for script in due(scripts, roles):
        path = os.path.join(scripts_dir, *script.file[len(ClusterBlobs.SCRIPTS_PREFIX) :].split("/"))
        if not os.path.isfile(path):
            raise ScriptFailedError(f"custom script {script.name}: {script.file} is not on the node")
        command = _prepared(path, scripts_dir)
        log(f"running custom script {script.name}")
        code = run(command, env)
        if code != 0:
            raise ScriptFailedError(f"custom script {script.name} ended with exit code {code}")


def _prepared(path: str, scripts_dir: str) -> List[str]:
    """Make a script executable, with all other files of its folder, and return its command."""
    folder = os.path.dirname(path)
    if os.path.samefile(folder, scripts_dir):
        os.chmod(path, 0o755)
        return command_of(path)
    for root, _, names in os.walk(folder):
        for name in names:
            os.chmod(os.path.join(root, name), 0o755)
    return ["/bin/sh", "-c", IN_DIRECTORY, "sh", folder, *command_of(path)]
