"""Which Python Spark will run, for the driver and on executors, and whether requirements can be installed for it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import List, Mapping, Optional, Tuple

from airflow_provider_aztk.node.errors import ScriptFailedError

__all__ = ["Pythons", "check_pip", "choose", "facts_of"]

DRIVER_PROPERTY, PROPERTY = "spark.pyspark.driver.python", "spark.pyspark.python"
DEFAULT = "python3"
PATIENCE = 60.0
FACTS = (
    "import sys, sysconfig; print(sys.version_info[0], sys.version_info[1], sysconfig.get_config_var('SOABI') or '-')"
)


@dataclass(frozen=True)
class Pythons:
    """The commands of the driver's Python and the executors'."""

    driver: str
    executor: str


def choose(conf: Mapping[str, str], env: Mapping[str, str]) -> Pythons:
    """Return the Pythons that Spark chooses (org.apache.spark.deploy.PythonRunner): properties, then variables."""
    executor = conf.get(PROPERTY) or env.get("PYSPARK_PYTHON") or DEFAULT
    driver = conf.get(DRIVER_PROPERTY) or conf.get(PROPERTY) or env.get("PYSPARK_DRIVER_PYTHON") or executor
    return Pythons(driver, executor)


def facts_of(python: str, env: Mapping[str, str]) -> Optional[Tuple[str, str]]:
    """Return version and binary interface of a Python, or None where it is no Python, or not on this node."""
    words = (_answer([python, "-c", FACTS], env) or "").split()
    return (f"{words[0]}.{words[1]}", words[2]) if len(words) == 3 else None


def check_pip(python: str, env: Mapping[str, str]) -> None:
    """Check that the driver's Python is there and has pip.

    :raises ScriptFailedError: the message names the Python and the fix
    """
    if facts_of(python, env) is None:
        raise ScriptFailedError(
            f"requirements: {python!r}, which is to run the driver, is no Python on this node: correct PYSPARK_PYTHON, "
            f"PYSPARK_DRIVER_PYTHON, {PROPERTY} or {DRIVER_PROPERTY}, or install it with a custom script"
        )
    if _answer([python, "-m", "pip", "--version"], env) is None:
        raise ScriptFailedError(
            f"requirements: {python!r}, which is to run the driver, has no pip: use an image (docker_repo) that has, "
            "install pip with a custom script, or name another Python in PYSPARK_PYTHON"
        )


def _answer(command: List[str], env: Mapping[str, str]) -> Optional[str]:
    """Return what a command writes to stdout, or None where it fails."""
    try:
        done = subprocess.run(
            command,
            env=dict(env),
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
