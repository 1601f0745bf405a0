"""One local stack: the emulator, Azurite, and a guardian that cleans up if both are killed."""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.local.batch.api.server import ApiServer
from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK
from airflow_provider_aztk.local.batch.common.recording import Recording, read_recording
from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings, new_key
from airflow_provider_aztk.local.batch.execution import guardian
from airflow_provider_aztk.local.batch.execution.layout import remove_tree
from airflow_provider_aztk.local.batch.execution.process_trees import end_strays
from airflow_provider_aztk.local.batch.services.backend import Backend
from airflow_provider_aztk.local.batch.services.recorded import describe_recording
from airflow_provider_aztk.local.stack import fake_spark
from airflow_provider_aztk.local.stack.azurite.server import AzuriteServer
from airflow_provider_aztk.local.stack.checks import check_options, find_java_home, find_spark_home
from airflow_provider_aztk.local.stack.connection import airflow_connection
from airflow_provider_aztk.local.stack.entra.services import EntraServices
from airflow_provider_aztk.local.stack.lock import DirectoryLock
from airflow_provider_aztk.local.stack.pages.logs import LogReader
from airflow_provider_aztk.local.stack.pages.site import Site
from airflow_provider_aztk.local.stack.spark_environment import SparkEnvironment

if TYPE_CHECKING:
    from airflow_provider_aztk.local.stack.options import StackOptions

__all__ = ["STACK_VARIABLE", "Stack"]

log = logging.getLogger(__name__)

#: In the environment of everything that a stack starts.
STACK_VARIABLE = "AZTK_LOCAL_STACK_ID"
_BLOB_ACCOUNT = "aztklocalblobs"


class Stack:
    """Starts everything, tells where it is, stops everything."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._mark = {STACK_VARIABLE: uuid.uuid4().hex}
        self._made_dir = options.data_dir is None
        self._data_dir = (options.data_dir or Path(tempfile.mkdtemp(prefix="aztk-local-"))).resolve()
        self._lock = None if self._made_dir else DirectoryLock(self._data_dir)
        self._blob_key = new_key()
        self._backend: Backend | None = None
        self._server: ApiServer | None = None
        self._azurite: AzuriteServer | None = None
        self._entra: EntraServices | None = None
        self._guardian: asyncio.subprocess.Process | None = None
        self._endpoint = ""

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        :raises UnusableError: something that it needs is missing.
        :raises DirectoryInUseError: another stack has the directory.
        :raises BadRecordingError: the recording cannot be used.
        :raises RuntimeError: something did not start.
        """
        await asyncio.to_thread(check_options, self._options)
        recording = read_recording(self._options.recording) if self._options.recording else Recording()
        if self._lock is not None:
            await asyncio.to_thread(self._lock.take)
        await self._start_guardian()
        listener = socket.create_server((LOOPBACK, self._options.batch_port))
        self._endpoint = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        self._entra = await EntraServices.make(self._data_dir / "entra")
        settings = EmulatorSettings(
            data_dir=self._data_dir,
            account=self._options.batch_account,
            key=self._options.batch_key,
            endpoint=self._endpoint,
            image_environment=SparkEnvironment(
                spark_home=_spark_home(self._options, self._data_dir),
                java_home=find_java_home(),
                ca_file=str(self._entra.ca_file),
            ),
            tokens=self._entra.batch_tokens,
            ca_file=self._entra.ca_file,
            marks=self._mark,
            strict_azure=self._options.strict_azure,
            recording=recording,
        )
        if self._options.blob:
            self._azurite = AzuriteServer(
                account=_BLOB_ACCOUNT,
                key=self._blob_key,
                port=self._options.blob_port,
                data_dir=self._data_dir / "azurite",
                marks=self._mark,
            )
            await self._azurite.start()
        logs = LogReader(self._azurite.endpoint, _BLOB_ACCOUNT, self._blob_key) if self._azurite else None
        self._backend = Backend(settings)
        if self._options.recording:
            for line in describe_recording(recording):
                log.info("recording: %s", line)
        self._server = ApiServer(self._backend, listener, Site(self._backend, logs), self._entra.batch_https)
        await self._server.start()
        await self._entra.start(self._backend, self._azurite)

    async def stop(self) -> None:
        """Stop everything, children included; a directory of our own is deleted."""
        if self._server is not None:
            await self._server.close()
        if self._entra is not None:
            await self._entra.close()
        if self._backend is not None:
            await self._backend.close()
        if self._azurite is not None:
            await self._azurite.stop()
        await end_strays(keep={self._guardian.pid} if self._guardian else set())
        if self._made_dir:
            remove_tree(self._data_dir)
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            await self._guardian.wait()
        if self._lock is not None:
            self._lock.release()

    def describe(self) -> dict[str, Any]:
        """Return where everything is, with the keys, and the Airflow connection."""
        blob_endpoint = self._azurite.endpoint if self._azurite else None
        return {
            "batch_endpoint": self._endpoint,
            "web_page": self._endpoint + Site.prefix,
            "batch_account": self._options.batch_account,
            "batch_key": self._options.batch_key,
            "blob_endpoint": blob_endpoint,
            "blob_account": _BLOB_ACCOUNT if blob_endpoint else None,
            "blob_key": self._blob_key if blob_endpoint else None,
            "airflow_conn": airflow_connection(
                batch_endpoint=self._endpoint,
                batch_account=self._options.batch_account,
                batch_key=self._options.batch_key,
                blob_endpoint=blob_endpoint,
                blob_account=_BLOB_ACCOUNT,
                blob_key=self._blob_key,
            ),
            "entra": self._entra.describe() if self._entra else None,
            "data_dir": str(self._data_dir),
        }

    async def _start_guardian(self) -> None:
        self._guardian = await asyncio.create_subprocess_exec(
            *guardian.command(next(iter(self._mark.items())), self._data_dir if self._made_dir else None),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
            # Once we are killed, the directory is free when the guardian has swept up.
            pass_fds=() if self._lock is None or self._lock.descriptor is None else (self._lock.descriptor,),
        )


def _spark_home(options: StackOptions, data_dir: Path) -> str | None:
    if not options.spark:
        return None
    if options.fake_spark:
        return str(fake_spark.install(data_dir / "spark"))
    home = find_spark_home(options.spark_home)
    return str(home) if home else None
