"""A stand-in for Spark: a SPARK_HOME whose master, worker and spark-submit are tiny Python programs.

The real node code runs on top of it and cannot tell: same programs, same arguments, same files of properties, same web
pages, as far as the node code uses them. What it does: registration with the cluster's secret, recovery of a lost
master, client mode with arguments and environment intact. What it does not: run anything on a worker; a Python
application runs with plain Python, a jar only says that it would have run. There is no ``pyspark`` in it.

An application is registered with the master while it runs, as one with a Spark context would be, unless its file
contains the words ``fake-spark: no spark context``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["install"]

# The hyphen keeps it from being taken for a package: what is in it runs by itself, from a copy.
HOME = Path(__file__).parent / "spark-home"


def install(target: Path) -> Path:
    """Copy the stand-in to a directory of its own and make its programs executable, which a wheel does not promise.

    Can be repeated; what is there is replaced.

    :param target: the directory; made if it is not there
    :return: the same, to be used as SPARK_HOME
    """
    shutil.copytree(HOME, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for program in (target / "bin").iterdir():
        program.chmod(0o755)
    return target
