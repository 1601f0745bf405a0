"""Prepare directories, configuration files, environment and daemon properties of Spark's processes."""

from __future__ import annotations

import os
import shutil
from typing import Dict, List, Mapping

from airflow_provider_aztk.node.contract import CLOSED, ClusterBlobs
from airflow_provider_aztk.node.errors import BadInputError
from airflow_provider_aztk.node.spark import properties

__all__ = ["daemon_command", "daemon_properties", "prepare", "read_defaults", "tool"]

DEFAULT_SPARK_HOME = "/opt/spark"
UTF8_LOCALE = "C.UTF-8"

# A cluster may live for weeks: what finished applications left on the workers goes after a day.
WEAK_DAEMON_PROPERTIES = {
    "spark.worker.cleanup.enabled": "true",
    "spark.worker.cleanup.appDataTtl": "86400",
}


def prepare(workdir: str, directory: str, host: str, base: Mapping[str, str]) -> Dict[str, str]:
    """Make the directories, copy the configuration, and return the environment of a Spark process.

    The configuration directory is the image's own with the user's files laid over it.

    :param workdir: where Batch has put the user's files
    :param directory: of this attempt; all that Spark writes lies in it
    :raises BadInputError: there is no Spark where SPARK_HOME points
    """
    home = base.get("SPARK_HOME") or DEFAULT_SPARK_HOME
    if not os.path.isfile(os.path.join(home, "bin", "spark-class")):
        raise BadInputError(f"SPARK_HOME={home} has no bin/spark-class; use an image with Spark in it")
    folders = {
        "SPARK_CONF_DIR": "conf",
        "SPARK_LOCAL_DIRS": "local",
        "SPARK_WORKER_DIR": "work",
        "SPARK_LOG_DIR": "logs",
    }
    env = {**base, "SPARK_HOME": home, "SPARK_LOCAL_IP": host}
    for variable, folder in folders.items():
        env[variable] = os.path.join(directory, "spark", folder)
        os.makedirs(env[variable], exist_ok=True)
    _copy_files(os.path.join(home, "conf"), env["SPARK_CONF_DIR"])
    _copy_files(os.path.join(workdir, *ClusterBlobs.CONF_PREFIX.split("/")), env["SPARK_CONF_DIR"])
    if not os.access(env.get("HOME") or "/nowhere", os.W_OK):
        env["HOME"] = os.path.join(directory, "home")
        os.makedirs(env["HOME"], exist_ok=True)
    # The JVM decodes arguments by the locale: in "C" or "POSIX" all but ASCII is lost.
    if "utf" not in (env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "").lower():
        env["LC_ALL"] = UTF8_LOCALE
    return env


def read_defaults(conf_dir: str) -> Dict[str, str]:
    """Return the properties of spark-defaults.conf, which Spark does not read when it is given a properties file."""
    try:
        with open(os.path.join(conf_dir, "spark-defaults.conf"), encoding="utf-8-sig", errors="replace") as file:
            return properties.parse(file.read())
    except OSError:
        return {}


def daemon_properties(defaults: Mapping[str, str], secret: str) -> Dict[str, str]:
    """Return the Spark properties of a master or worker."""
    return {
        **WEAK_DAEMON_PROPERTIES,
        **defaults,
        **CLOSED,
        "spark.authenticate.secret": secret,
    }


def tool(env: Mapping[str, str], name: str) -> str:
    """Return the path of one of Spark's programs."""
    return os.path.join(env["SPARK_HOME"], "bin", name)


def daemon_command(env: Mapping[str, str], kind: str, args: List[str]) -> List[str]:
    """Return the command that runs Spark's ``Master`` or ``Worker`` in the foreground."""
    return [tool(env, "spark-class"), f"org.apache.spark.deploy.{kind.lower()}.{kind}", *args]


def _copy_files(source: str, target: str) -> None:
    if not os.path.isdir(source):
        return
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        if os.path.isfile(path) and not name.endswith(".template"):
            shutil.copy(path, os.path.join(target, name))
