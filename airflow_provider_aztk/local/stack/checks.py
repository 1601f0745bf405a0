"""What must be there before a stack is started: everything that is missing is reported at once, with its fix."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK
from airflow_provider_aztk.local.stack.azurite.install import MissingToolError, install_command, need_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.local.stack.options import StackOptions

__all__ = ["UnusableError", "check_options", "find_java_home", "find_spark_home"]

_OLDEST_JAVA = 17
_SPARK_PROGRAMS = ("bin/spark-class", "bin/spark-submit")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SECONDS = 60


class UnusableError(RuntimeError):
    """A stack cannot be started with these options on this machine.

    :param faults: every one, with its fix.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def check_options(options: StackOptions) -> None:
    """Check everything that a start with these options needs.

    :raises UnusableError: something cannot work.
    """
    faults = [*_account_faults(options), *_port_faults(options), *_data_dir_faults(options.data_dir)]
    if options.spark_home and options.fake_spark:
        faults.append("--spark-home and --fake-spark: only one can be; leave out the other")
    if not options.spark and (options.spark_home or options.fake_spark):
        faults.append("--no-spark: contradicts --spark-home and --fake-spark; leave it out, or them")
    if options.spark and not options.fake_spark:
        faults += [*_spark_faults(options.spark_home), *_java_faults()]
    if options.blob:
        faults += _node_faults()
    if faults:
        raise UnusableError(faults)


def find_spark_home(given: str | None) -> Path | None:
    """Return Spark's directory, found without importing pyspark: that would be slow."""
    if given:
        return Path(given).expanduser().resolve()
    spec = find_spec("pyspark")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def find_java_home() -> str | None:
    """Return Java's directory: JAVA_HOME, or where the ``java`` on the PATH lies."""
    given = os.environ.get("JAVA_HOME")
    if given:
        return given
    found = shutil.which("java")
    return str(Path(found).resolve().parent.parent) if found else None


def _account_faults(options: StackOptions) -> Iterator[str]:
    if not _ACCOUNT.fullmatch(options.batch_account):
        name = options.batch_account
        yield f"--batch-account {name!r}: no name of a Batch account; give 3 to 24 small letters and digits"
    try:
        base64.b64decode(options.batch_key, validate=True)
    except (binascii.Error, ValueError):
        yield "--batch-key: not base64, as keys of Batch are; leave it out for a new random one"


def _port_faults(options: StackOptions) -> Iterator[str]:
    ports = {"--batch-port": options.batch_port, "--blob-port": options.blob_port if options.blob else 0}
    if options.batch_port and options.batch_port == ports["--blob-port"]:
        yield f"--blob-port {options.blob_port}: is the --batch-port, too; give another one"
        return
    for option, port in ports.items():
        if not port:
            continue
        try:
            socket.create_server((LOOPBACK, port)).close()
        except OverflowError:
            yield f"{option} {port}: no port; give one between 1 and 65535, or leave it out for any free one"
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            yield f"{option} {port}: {reason}; stop what has it, or leave the option out for any free port"


def _data_dir_faults(directory: Path | None) -> Iterator[str]:
    if directory is None:
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        yield f"--data-dir {directory}: {error.strerror}; name a directory in which you may write"


def _spark_faults(given: str | None) -> Iterator[str]:
    home = find_spark_home(given)
    if home is None:
        yield (
            "Spark was not found: pyspark is not installed; install it with: pip install 'airflow-provider-aztk[local]'"
            ", or name Spark's directory with --spark-home, or do without: --no-spark, --fake-spark"
        )
        return
    missing = [name for name in _SPARK_PROGRAMS if not os.access(home / name, os.X_OK) or not (home / name).is_file()]
    if missing:
        which = f"--spark-home {given}" if given else f"Spark in {home}"
        yield (
            f"{which}: no Spark, {' and '.join(missing)} cannot be run there; name the directory that has "
            "bin/spark-class, or leave the option out for the pyspark package's"
        )


def _java_faults() -> Iterator[str]:
    home = find_java_home()
    if home is None:
        yield f"java was not found; install it with: {install_command('java')}, or do without: --no-spark"
        return
    program = Path(home, "bin", "java")
    version = _version_of(str(program), "-version")
    where = "JAVA_HOME" if os.environ.get("JAVA_HOME") else "PATH"
    if version is None:
        fix = f"install Java with: {install_command('java')}, or do without: --no-spark"
        yield f"{where}: {program} cannot be run; {fix}"
    elif version < _OLDEST_JAVA:
        yield (
            f"{where}: {program} is Java {version}, and Spark needs {_OLDEST_JAVA} or later; install it with: "
            f"{install_command('java')}, or name it with JAVA_HOME"
        )


def _node_faults() -> Iterator[str]:
    try:
        need_node()
    except MissingToolError as error:
        yield f"{error}, or do without blobs: --no-blob"


def _version_of(*command: str) -> int | None:
    """Return the first number that a program gives as its version; None where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found is not None and done.returncode == 0 else None
