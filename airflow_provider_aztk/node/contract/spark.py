"""What client and node both know of Spark's configuration: its files, enforced properties, and spark-env.sh."""

from __future__ import annotations

import re
from typing import List, Mapping, NamedTuple, Optional

__all__ = ["CLOSED", "SPARK_CONF_FILES", "SPARK_ENV_REFUSED", "EnvError", "is_number", "memory_mb", "spark_env_errors"]

SPARK_CONF_FILES = ("spark-defaults.conf", "spark-env.sh", "core-site.xml")

# Closed by default, whatever the user's configuration says.
CLOSED = {
    "spark.authenticate": "true",
    "spark.master.rest.enabled": "false",
    "spark.ui.killEnabled": "false",
}

_ADDRESS = "leave it out: each node uses its own address"
# What a spark-env.sh must not set, with what to do instead.
SPARK_ENV_REFUSED: Mapping[str, str] = {
    "SPARK_MASTER_HOST": "leave it out: Azure Batch chooses the master's node; spark_master_url tells where it is",
    "SPARK_MASTER_IP": "leave it out: Azure Batch chooses the master's node; spark_master_url tells where it is",
    "SPARK_LOCAL_IP": _ADDRESS,
    "SPARK_LOCAL_HOSTNAME": _ADDRESS,
    "SPARK_CONF_DIR": "leave it out: give the files as spark_defaults_conf, spark_env_sh and core_site_xml",
    "SPARK_HOME": "leave it out: set it in the image that docker_repo names",
}
_PORT_VARIABLES = ("SPARK_MASTER_PORT", "SPARK_MASTER_WEBUI_PORT", "SPARK_WORKER_PORT", "SPARK_WORKER_WEBUI_PORT")
_MEMORY = re.compile(r"\s*(\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_UNITS = {"": 0, "b": 0, "k": 10, "kb": 10, "m": 20, "mb": 20, "g": 30, "gb": 30, "t": 40, "tb": 40, "p": 50, "pb": 50}


class EnvError(NamedTuple):
    """A variable of a spark-env.sh whose value cannot be used."""

    name: str
    value: str
    fix: str


def spark_env_errors(values: Mapping[str, str]) -> List[EnvError]:
    """Return the variables of a spark-env.sh that cannot be used, with what to do instead."""
    found = [EnvError(name, values[name], fix) for name, fix in SPARK_ENV_REFUSED.items() if values.get(name)]
    cores = values.get("SPARK_WORKER_CORES")
    if cores and not is_number(cores, 1):
        found.append(EnvError("SPARK_WORKER_CORES", cores, "give a whole number of at least 1"))
    memory = values.get("SPARK_WORKER_MEMORY")
    if memory and not memory_mb(memory):
        fix = "give an amount such as 600m or 4g; without a unit it means bytes"
        found.append(EnvError("SPARK_WORKER_MEMORY", memory, fix))
    for name in _PORT_VARIABLES:
        if values.get(name) and not is_number(values[name], 0, 65535):
            found.append(EnvError(name, values[name], "give a port"))
    if values.get("SPARK_WORKER_INSTANCES") not in (None, "", "1"):
        fix = "leave it out: a node has one worker; give executor_cores, and it holds several executors"
        found.append(EnvError("SPARK_WORKER_INSTANCES", values["SPARK_WORKER_INSTANCES"], fix))
    return found


def memory_mb(text: str) -> int:
    """Return an amount of memory in MiB, read as Spark reads it; 0 where it is no amount, or less than 1 MiB."""
    match = _MEMORY.fullmatch(text)
    shift = _UNITS.get(match.group(2).lower()) if match else None
    return int(match.group(1)) << shift >> 20 if match and shift is not None else 0


def is_number(text: str, least: int, most: Optional[int] = None) -> bool:
    """Return whether a text is a whole number within limits."""
    return text.isascii() and text.isdigit() and int(text) >= least and (most is None or int(text) <= most)
