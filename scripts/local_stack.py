"""The local stack as seen from a script: started, asked what is left in it, stopped."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from processes import ProcessGroup

__all__ = ["LocalStack", "StackError"]


class StackError(Exception):
    """The local stack did not start."""


class LocalStack:
    """``python -m airflow_provider_aztk.local up --json`` as a child process.

    :param processes: what it belongs to.
    :param log: the file for what it says on standard error.
    :param env: its environment.
    :param options: further options of ``up``.
    """

    def __init__(
        self,
        processes: ProcessGroup,
        log: Path,
        *,
        env: Mapping[str, str] | os._Environ[str],
        options: Sequence[str] = (),
    ) -> None:
        command = [sys.executable, "-m", "airflow_provider_aztk.local", "up", "--json", *options]
        process = processes.start("local stack", command, env=dict(env), log=log, pipe=True)
        assert process.stdout is not None  # pipe=True
        line = process.stdout.readline()
        if not line:
            process.wait()
            raise StackError(f"the local stack did not start: {log.read_text(errors='replace').strip()}")
        self.info: dict[str, Any] = json.loads(line)

    @property
    def connection(self) -> str:
        """The Airflow connection, as JSON."""
        found = self.info["airflow_conn"]
        return found if isinstance(found, str) else json.dumps(found)

    def left(self) -> list[str]:
        """List what is in the accounts, asked of the services with Microsoft's own SDKs."""
        from azure.batch import BatchClient
        from azure.core.credentials import AzureNamedKeyCredential
        from azure.storage.blob import BlobServiceClient

        info = self.info
        key = AzureNamedKeyCredential(info["batch_account"], info["batch_key"])
        with BatchClient(info["batch_endpoint"], key, use_env_settings=False) as batch:
            found = [f"pool {pool.id}" for pool in batch.list_pools()]
            found += [f"job {job.id}" for job in batch.list_jobs()]
        credential = {"account_name": info["blob_account"], "account_key": info["blob_key"]}
        with BlobServiceClient(info["blob_endpoint"], credential, use_env_settings=False) as blobs:
            found += [f"container {container.name}" for container in blobs.list_containers()]
        return found
