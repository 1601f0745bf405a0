"""Install an application's Python requirements, for its driver and, as an archive, for its executors."""

from __future__ import annotations

import os
import zipfile
from typing import Callable, List, Mapping, Tuple

from airflow_provider_aztk.node.errors import ScriptFailedError
from airflow_provider_aztk.node.spark.pythons import Pythons, check_pip, facts_of

__all__ = ["install"]

BINARIES = (".so", ".pyd", ".dylib")


def install(
    requirements: str,
    directory: str,
    pythons: Pythons,
    env: Mapping[str, str],
    run: Callable[[List[str], Mapping[str, str]], int],
) -> Tuple[str, str]:
    """Install with the pip of the driver's Python, and return the directory and an archive of it.

    :param directory: of this attempt
    :param env: the driver's environment
    :raises ScriptFailedError: there is no pip, or it failed (its output is in the log), or the executors' Python
        cannot use what was installed
    """
    check_pip(pythons.driver, env)
    target = os.path.join(directory, "requirements")
    os.makedirs(target, exist_ok=True)
    command = [pythons.driver, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--no-cache-dir", "--upgrade", "--target", target, "-r", requirements]
    code = run(command, env)
    if code != 0:
        raise ScriptFailedError(f"pip could not install the requirements: exit code {code}")
    _check_executors(target, pythons, env)
    return target, _archive(target, os.path.join(directory, "requirements.zip"))


def _check_executors(target: str, pythons: Pythons, env: Mapping[str, str]) -> None:
    """Refuse packages with binaries that the executors' Python cannot load.

    All nodes have one image. A Python that is not there comes with an archive of the user's, and cannot be judged.
    """
    if pythons.driver == pythons.executor:
        return
    driver, executor = facts_of(pythons.driver, env), facts_of(pythons.executor, env)
    if driver is None or executor is None or driver == executor:
        return
    binary = next((name for _, _, names in os.walk(target) for name in sorted(names) if name.endswith(BINARIES)), "")
    if binary:
        raise ScriptFailedError(
            f"requirements: the driver runs {pythons.driver} (Python {driver[0]}), executors run {pythons.executor} "
            f"(Python {executor[0]}), which cannot load {binary}: name one Python for both, in PYSPARK_PYTHON alone"
        )


def _archive(directory: str, path: str) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for folder, folders, names in os.walk(directory):
            folders.sort()
            for name in sorted(names):
                full = os.path.join(folder, name)
                archive.write(full, os.path.relpath(full, directory))
    return path
