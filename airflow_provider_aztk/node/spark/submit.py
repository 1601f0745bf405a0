"""Build what spark-submit is given, without any I/O: properties, environment, command line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional

from airflow_provider_aztk.node.contract import CLOSED, OPTION_PROPERTIES
from airflow_provider_aztk.node.spark.properties import merge_lists

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Application, Cluster, Master, Secrets

__all__ = ["LocalFiles", "driver_environment", "driver_properties", "enforced_properties", "submit_command"]

# Where the packages of the user's requirements are in an executor's working directory.
REQUIREMENTS_ALIAS = "aztk_requirements"
# Spark's own pattern, and the names under which Azure's file systems take secrets.
REDACTED = "(?i)secret|password|token|access[.]?key|account[.]key|fixed[.]token|[.]sas[.]|[?&;]sig="


@dataclass(frozen=True)
class LocalFiles:
    """Where an application's files are on this node.

    :param requirements_dir: installed packages of the requirements, empty without any
    :param requirements_archive: the same as an archive for the executors
    """

    application: str
    jars: List[str] = field(default_factory=list)
    py_files: List[str] = field(default_factory=list)
    files: List[str] = field(default_factory=list)
    archives: List[str] = field(default_factory=list)
    requirements_dir: str = ""
    requirements_archive: str = ""


def driver_properties(
    app: Application,
    cluster: Cluster,
    defaults: Mapping[str, str],
    secrets: Secrets,
    local: LocalFiles,
    weak: Mapping[str, str],
    enforced: Mapping[str, str],
) -> Dict[str, str]:
    """Return all of a driver's Spark properties.

    From weak to strong: ours, spark-defaults.conf, the cluster's, the application's, its secrets, its options. Lists of
    files and packages add up. Last comes what keeps the cluster closed and what only the node knows.
    """
    values = {**weak, **defaults}
    if cluster.default_cores is not None:
        values["spark.cores.max"] = str(cluster.default_cores)
    values.update(app.conf)
    values.update(secrets.conf)
    options = {name: getattr(app, option) for option, name in OPTION_PROPERTIES.items()}
    values.update({name: str(value) for name, value in options.items() if value is not None})
    values.update(_merged_lists(app, local, values))
    if local.requirements_archive:
        python_path = "spark.executorEnv.PYTHONPATH"
        values[python_path] = _paths(REQUIREMENTS_ALIAS, values.get(python_path))
    values["spark.redaction.regex"] = redaction(values.get("spark.redaction.regex"), secrets)
    return {**values, **CLOSED, **enforced, "spark.submit.deployMode": "client"}


def _merged_lists(app: Application, local: LocalFiles, values: Mapping[str, str]) -> Dict[str, str]:
    """Return the properties that are lists, each with what the values have already and what the application adds."""
    requirements = [f"{local.requirements_archive}#{REQUIREMENTS_ALIAS}"] if local.requirements_archive else []
    lists = {
        "spark.jars": local.jars,
        "spark.submit.pyFiles": local.py_files,
        "spark.files": local.files,
        "spark.archives": [*local.archives, *requirements],
        "spark.jars.packages": app.packages,
    }
    merged = {name: merge_lists(values.get(name, ""), *more) for name, more in lists.items()}
    return {name: value for name, value in merged.items() if value}


def redaction(given: Optional[str], secrets: Secrets) -> str:
    """Return the pattern of the properties whose values Spark must not show: each of the secrets, whatever its name."""
    names = [re.escape(name) for name in sorted({*secrets.conf, *secrets.env})]
    return "|".join([f"({given or REDACTED})", *names])


def enforced_properties(master: Master, host: str, secret: str) -> Dict[str, str]:
    """Return the properties that only the node may set."""
    return {
        "spark.master": master.url,
        "spark.authenticate.secret": secret,
        "spark.driver.host": host,
        "spark.driver.bindAddress": host,
    }


def driver_environment(
    base: Mapping[str, str], app: Application, secrets: Secrets, local: LocalFiles
) -> Dict[str, str]:
    """Return the driver's environment."""
    env = {**base, **app.env, **secrets.env}
    if local.requirements_dir:
        env["PYTHONPATH"] = _paths(local.requirements_dir, env.get("PYTHONPATH"))
    return env


def submit_command(spark_submit: str, properties_file: str, app: Application, program: str) -> List[str]:
    """Return the command line; it must not hold a secret.

    :param program: path or URL of what Spark is to run
    """
    command = [spark_submit, "--properties-file", properties_file]
    if app.main_class:
        command += ["--class", app.main_class]
    return [*command, program, *app.args]


def _paths(first: str, others: Optional[str]) -> str:
    return f"{first}:{others}" if others else first
