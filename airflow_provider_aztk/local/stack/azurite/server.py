"""Running Azurite's blob service for one stack."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK
from airflow_provider_aztk.local.stack.azurite.install import azurite_script, need_tool

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["AzuriteServer"]

log = logging.getLogger(__name__)

_READY = re.compile(rb"listen(?:s|ing) (?:on|at) http://127\.0\.0\.1:(\d+)")
_START_SECONDS = 60
_STOP_SECONDS = 5
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "NODE_OPTIONS")


class AzuriteServer:
    """Azurite as a child process, on 127.0.0.1, with one account and its data in a directory of its own."""

    def __init__(self, *, account: str, key: str, port: int, data_dir: Path, marks: dict[str, str]) -> None:
        self.account = account
        self.key = key
        self._port = port
        self._data_dir = data_dir
        self._marks = marks
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> str:
        """The address of the blob service, with the account in its path."""
        return f"http://{LOOPBACK}:{self._port}/{self.account}"

    async def start(self) -> None:
        """Start it, installing it first if need be, and wait until it listens.

        :raises MissingToolError: node or npm is not there.
        :raises RuntimeError: it did not start.
        """
        script = await asyncio.to_thread(azurite_script)
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            need_tool("node"),
            str(script),
            *("--blobHost", LOOPBACK, "--blobPort", str(self._port), "--location", str(self._data_dir)),
            # Files instead of memory: driver logs may be large. Old and new clients of any version are welcome.
            *("--silent", "--disableTelemetry", "--skipApiVersionCheck", "--disableProductStyleUrl"),
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._wait_until_ready(self._process.stdout)
        except TimeoutError as error:
            await self.stop()
            raise RuntimeError(f"Azurite did not start within {_START_SECONDS} seconds") from error
        self._drain = asyncio.create_task(_forward(self._process.stdout))

    async def stop(self) -> None:
        """Stop it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        if self._drain is not None:
            self._drain.cancel()

    def _environment(self) -> dict[str, str]:
        env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {**env, **self._marks, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"}

    async def _wait_until_ready(self, output: asyncio.StreamReader) -> None:
        said: list[str] = []
        async for line in output:
            match = _READY.search(line)
            if match is not None:
                self._port = int(match[1])
                return
            said.append(line.decode(errors="replace").rstrip())
        raise RuntimeError("Azurite did not start: " + " / ".join(said[-10:]))


async def _forward(output: asyncio.StreamReader) -> None:
    async for line in output:
        log.info("azurite: %s", line.decode(errors="replace").rstrip())
