"""Installing the pinned Azurite from npm into the user's cache."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = [
    "DIRECTORY_VARIABLE",
    "MissingToolError",
    "azurite_script",
    "install_azurite",
    "install_command",
    "need_node",
    "need_tool",
]

log = logging.getLogger(__name__)

#: Names a directory in which Azurite is installed already (with ``node_modules``), or is to be.
DIRECTORY_VARIABLE = "AZTK_LOCAL_AZURITE_DIR"

_HERE = Path(__file__).parent
_OLDEST_NODE = 18
_SCRIPT = Path("node_modules", "azurite", "dist", "src", "blob", "main.js")
_PACKAGES = {"node": ("nodejs npm", "node"), "npm": ("nodejs npm", "node"), "java": ("default-jre-headless", "openjdk")}


class MissingToolError(RuntimeError):
    """A program that the local stack needs is not there; the message says how to get it."""


def need_tool(name: str) -> str:
    """Find a program.

    :raises MissingToolError: it is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(f"{name} was not found; install it with: {install_command(name)}")
    return found


def need_node() -> str:
    """Find Node.js, new enough for Azurite.

    :raises MissingToolError: it is not there, cannot be run, or is too old.
    """
    node = need_tool("node")
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False)
        version = done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        version = ""
    found = re.match(r"v(\d+)\.", version)
    if found is None:
        raise MissingToolError(f"{node} cannot be run; install Node.js with: {install_command('node')}")
    if int(found[1]) < _OLDEST_NODE:
        raise MissingToolError(
            f"{node} is Node.js {version}, and Azurite needs {_OLDEST_NODE} or later; install it with: "
            f"{install_command('node')}, or put another one first on PATH"
        )
    return node


def install_command(name: str) -> str:
    """Return the command that installs a program here."""
    debian, brew = _PACKAGES[name]
    return f"brew install {brew}" if sys.platform == "darwin" else f"apt-get install -y {debian}"


def azurite_script(*, install: bool = True) -> Path:
    """Return where Azurite's blob service is, after installing it if that is needed and wanted."""
    directory = _directory()
    script = directory / _SCRIPT
    if not script.is_file() and install:
        install_azurite(directory)
    return script


def install_azurite(directory: Path | None = None) -> Path:
    """Install Azurite with ``npm ci``; a second process that wants the same waits, then finds it done.

    :raises MissingToolError: node or npm is not there, or node is too old.
    :raises RuntimeError: npm failed.
    """
    directory = directory or _directory()
    need_node()
    npm = need_tool("npm")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / f".{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (directory / _SCRIPT).is_file():
            return directory
        _install(npm, directory)
    return directory


def _install(npm: str, directory: Path) -> None:
    """Install beside the place, then rename: a half-made installation is never found."""
    building = directory.with_name(f".{directory.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_HERE / name, building / name)
    log.info("installing Azurite into %s", directory)
    try:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=building,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"npm ci failed with exit code {done.returncode}:\n{done.stderr or done.stdout}")
        shutil.rmtree(directory, ignore_errors=True)
        building.rename(directory)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _directory() -> Path:
    given = os.environ.get(DIRECTORY_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    version = json.loads((_HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["azurite"]
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "airflow-provider-aztk" / f"azurite-{version}"
