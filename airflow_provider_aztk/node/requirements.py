"""Install an application's Python requirements, for its driver and, as an archive, for its executors."""

from __future__ import annotations

import os
import zipfile
from typing import Callable, List, Mapping, Tuple

from airflow_provider_aztk.node.errors import ScriptFailedError

__all__ = ["install"]


def install(
    requirements: str, workdir: str, env: Mapping[str, str], run: Callable[[List[str], Mapping[str, str]], int]
) -> Tuple[str, str]:
    """Install with pip into a directory of the task; give it, and an archive of it.

    :raises ScriptFailedError: pip failed; what it said is in the log
    """
    target = os.path.join(workdir, "requirements")
    os.makedirs(target, exist_ok=True)
    command = [env["PYSPARK_PYTHON"], "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--no-cache-dir", "--upgrade", "--target", target, "-r", requirements]
    code = run(command, env)
    if code != 0:
        raise ScriptFailedError(f"pip could not install the requirements: exit code {code}")
    return target, _archive(target, os.path.join(workdir, "requirements.zip"))


def _archive(directory: str, path: str) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for folder, folders, names in os.walk(directory):
            folders.sort()
            for name in sorted(names):
                full = os.path.join(folder, name)
                archive.write(full, os.path.relpath(full, directory))
    return path
