"""The user's spark-env.sh: what it sets counts, as far as the node does not know better; the rest is refused.

Spark's own scripts source the file into a shell. Here it is done once, before the first process starts, so that its
values can be looked at; Spark then finds them in its environment, and does not source it again.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from typing import Dict, List, Mapping, NamedTuple, Optional

from airflow_provider_aztk.node.errors import BadInputError

__all__ = ["EnvFault", "assignments", "faults", "java_properties", "load", "memory_mb", "wanted_port"]

PATIENCE = 120.0  # s; it may ask a service for something
FILE = "spark-env.sh"
_LOADED = "SPARK_ENV_LOADED"
_OF_THE_SHELL = ("_", "SHLVL", "PWD", "OLDPWD")
_SCRIPT = 'set -a; . "$1"; set +a; exec "$2" -I -S -c "$3" "$4"'
_DUMP = "import os,sys; os.write(int(sys.argv[1]), b'\\0'.join(k + b'=' + v for k, v in os.environb.items()))"
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(SPARK_[A-Z_]+)=(\"[^\"]*\"|'[^']*'|[^\s#;]*)\s*(?:#.*|;.*)?$")
_MEMORY = re.compile(r"\s*(\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_UNITS = {"": 0, "b": 0, "k": 10, "kb": 10, "m": 20, "mb": 20, "g": 30, "gb": 30, "t": 40, "tb": 40, "p": 50, "pb": 50}
_ADDRESS = "leave it out: each node uses its own address"
REFUSED: Mapping[str, str] = {
    "SPARK_MASTER_HOST": "leave it out: Azure Batch chooses the master's node; spark_master_url tells where it is",
    "SPARK_MASTER_IP": "leave it out: Azure Batch chooses the master's node; spark_master_url tells where it is",
    "SPARK_LOCAL_IP": _ADDRESS,
    "SPARK_LOCAL_HOSTNAME": _ADDRESS,
    "SPARK_CONF_DIR": "leave it out: give the files as spark_defaults_conf, spark_env_sh and core_site_xml",
    "SPARK_HOME": "leave it out: set it in the image that docker_repo names",
}
_PORTS = ("SPARK_MASTER_PORT", "SPARK_MASTER_WEBUI_PORT", "SPARK_WORKER_PORT", "SPARK_WORKER_WEBUI_PORT")


class EnvFault(NamedTuple):
    """A variable whose value cannot be used."""

    name: str
    value: str
    fix: str


def assignments(text: str) -> Dict[str, str]:
    """Read the plain assignments of a spark-env.sh; what only a shell can evaluate is left to the node."""
    found = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match and "$" not in match.group(2) and "`" not in match.group(2):
            found[match.group(1)] = match.group(2).strip("\"'")
    return found


def faults(values: Mapping[str, str]) -> List[EnvFault]:
    """Find the variables that cannot be used, with what to do instead."""
    found = [EnvFault(name, values[name], fix) for name, fix in REFUSED.items() if values.get(name)]
    cores = values.get("SPARK_WORKER_CORES")
    if cores and not _is_number(cores, 1):
        found.append(EnvFault("SPARK_WORKER_CORES", cores, "give a whole number of at least 1"))
    memory = values.get("SPARK_WORKER_MEMORY")
    if memory and not memory_mb(memory):
        fix = "give an amount such as 600m or 4g; without a unit it means bytes"
        found.append(EnvFault("SPARK_WORKER_MEMORY", memory, fix))
    for name in _PORTS:
        if values.get(name) and not _is_number(values[name], 0, 65535):
            found.append(EnvFault(name, values[name], "give a port"))
    if values.get("SPARK_WORKER_INSTANCES") not in (None, "", "1"):
        fix = "leave it out: a node has one worker; give executor_cores, and it holds several executors"
        found.append(EnvFault("SPARK_WORKER_INSTANCES", values["SPARK_WORKER_INSTANCES"], fix))
    return found


def load(env: Mapping[str, str]) -> Dict[str, str]:
    """Give the environment with what the spark-env.sh in SPARK_CONF_DIR makes of it.

    :raises BadInputError: the script does not end, or sets what cannot be used
    """
    path = os.path.join(env["SPARK_CONF_DIR"], FILE)
    is_due = not env.get(_LOADED) and os.path.isfile(path)
    values = _evaluate(path, env) if is_due else dict(env)
    # What the image's own environment says of addresses and places has been used already.
    found = faults({name: value for name, value in values.items() if name not in REFUSED or env.get(name) != value})
    if found:
        told = "; ".join(f"{fault.name}={fault.value!r}: {fault.fix}" for fault in found)
        raise BadInputError(f"{FILE} sets what cannot be used: {told}")
    if not is_due:
        return values
    return {**values, **{name: env[name] for name in _OF_THE_SHELL if name in env}, _LOADED: "1"}


def _evaluate(path: str, env: Mapping[str, str]) -> Dict[str, str]:
    with tempfile.TemporaryFile() as answer:
        number = answer.fileno()
        command = ["bash", "-c", _SCRIPT, FILE, path, sys.executable, _DUMP, str(number)]
        try:
            code = subprocess.run(
                command, env=dict(env), stdin=subprocess.DEVNULL, pass_fds=(number,), timeout=PATIENCE, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            raise BadInputError(f"{FILE} did not end within {PATIENCE:.0f} s") from None
        except OSError as error:
            raise BadInputError(f"{FILE} needs bash, as Spark does: {error.strerror}") from None
        answer.seek(0)
        data = answer.read()
    if code or not data:
        raise BadInputError(f"{FILE} ended with exit code {code}: it must not call exit")
    pairs = (item.partition(b"=") for item in data.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs if name not in (b"_", b"SHLVL")}


def memory_mb(text: str) -> int:
    """Read an amount of memory as Spark does, in MiB; 0 where it is none, or less than one."""
    match = _MEMORY.fullmatch(text)
    shift = _UNITS.get(match.group(2).lower()) if match else None
    return int(match.group(1)) << shift >> 20 if match and shift is not None else 0


def java_properties(options: Optional[str]) -> Dict[str, str]:
    """Give the system properties in a text of Java options, e.g. that of SPARK_WORKER_OPTS."""
    try:
        words = shlex.split(options or "")
    except ValueError:
        words = (options or "").split()
    pairs = (word[2:].partition("=") for word in words if word.startswith("-D"))
    return {name: value for name, _, value in pairs}


def wanted_port(default: int, *given: Optional[str]) -> int:
    """Give the first port that somebody asks for, or else the default."""
    found = next((text for text in given if text), None)
    if found is None:
        return default
    if not _is_number(found, 0, 65535):
        raise BadInputError(f"{found!r} is no port")
    return int(found)


def _is_number(text: str, least: int, most: Optional[int] = None) -> bool:
    return text.isascii() and text.isdigit() and int(text) >= least and (most is None or int(text) <= most)
