"""Evaluate the user's spark-env.sh once, before the first Spark process starts, and refuse what cannot be used.

Spark's own scripts source the file into a shell. Here that is done beforehand, so that its values can be checked; Spark
then finds them in its environment, and does not source the file again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from typing import Dict, Mapping, Optional

from airflow_provider_aztk.node.contract import SPARK_ENV_REFUSED, is_number, spark_env_errors
from airflow_provider_aztk.node.errors import BadInputError

__all__ = ["java_properties", "load", "wanted_port"]

PATIENCE = 120.0  # s; it may ask a service for something
FILE = "spark-env.sh"
_LOADED = "SPARK_ENV_LOADED"
_OF_THE_SHELL = ("_", "SHLVL", "PWD", "OLDPWD")
_SCRIPT = 'set -a; . "$1"; set +a; exec "$2" -I -S -c "$3" "$4"'
_DUMP = "import os,sys; os.write(int(sys.argv[1]), b'\\0'.join(k + b'=' + v for k, v in os.environb.items()))"


def load(env: Mapping[str, str]) -> Dict[str, str]:
    """Return the environment as the spark-env.sh in SPARK_CONF_DIR changes it.

    :raises BadInputError: the script does not end, or sets what cannot be used
    """
    path = os.path.join(env["SPARK_CONF_DIR"], FILE)
    is_due = not env.get(_LOADED) and os.path.isfile(path)
    values = _evaluate(path, env) if is_due else dict(env)
    # Addresses and paths in the image's own environment have been used already.
    own = SPARK_ENV_REFUSED
    found = spark_env_errors(
        {name: values[name] for name in values if name not in own or env.get(name) != values[name]}
    )
    if found:
        errors = "; ".join(f"{each.name}={each.value!r}: {each.fix}" for each in found)
        raise BadInputError(f"{FILE} sets what cannot be used: {errors}")
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


def java_properties(options: Optional[str]) -> Dict[str, str]:
    """Return the system properties in a text of Java options, e.g. that of SPARK_WORKER_OPTS."""
    try:
        words = shlex.split(options or "")
    except ValueError:
        words = (options or "").split()
    pairs = (word[2:].partition("=") for word in words if word.startswith("-D"))
    return {name: value for name, _, value in pairs}


def wanted_port(default: int, *given: Optional[str]) -> int:
    """Return the first port that is given, or else the default."""
    found = next((text for text in given if text), None)
    if found is None:
        return default
    if not is_number(found, 0, 65535):
        raise BadInputError(f"{found!r} is no port")
    return int(found)
