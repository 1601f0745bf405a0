"""The states of workers in ``cluster/workers/``: each worker's task writes its own, master and gate read all."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

from airflow_provider_aztk.node.contract import WORKER_RETRIES, ClusterBlobs, WorkerState, WorkerStatus
from airflow_provider_aztk.node.errors import (
    BadInputError,
    BlobError,
    NodeError,
    TerminatedError,
    WorkerFailedError,
)
from airflow_provider_aztk.node.log.last_lines import excerpt
from airflow_provider_aztk.node.monitoring.failure_report import REPORT_POLICY, is_final, output_of
from airflow_provider_aztk.node.storage.documents import read_blob

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["OwnStatus", "WorkerStatuses"]


class WorkerStatuses:
    """The states of all workers of a cluster; each is read again only when it has changed."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._etags: Dict[str, str] = {}
        self._found: Dict[str, WorkerStatus] = {}

    def read(self) -> List[WorkerStatus]:
        """Read what has changed, and return all."""
        for blob in self._blobs.list(ClusterBlobs.WORKERS_PREFIX):
            if not blob.size or (blob.etag and self._etags.get(blob.name) == blob.etag):
                continue
            with contextlib.suppress(BadInputError):
                status = read_blob(self._blobs, blob.name, WorkerStatus)
                if status is not None:
                    self._found[blob.name] = status
            self._etags[blob.name] = blob.etag
        return [self._found[name] for name in sorted(self._found)]


class OwnStatus:
    """The state of the worker that this task is."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._blob = ClusterBlobs.worker(context.task_id)
        self._earlier: Optional[WorkerStatus] = None
        with contextlib.suppress(BadInputError):
            self._earlier = read_blob(context.blobs, self._blob, WorkerStatus)
        # On another node than before, as after a preemption, a worker has all its tries again.
        self._is_retry = self._earlier is not None and self._earlier.node_id == context.node_id
        self._attempt = self._earlier.attempt + 1 if self._earlier and self._is_retry else 1

    @property
    def final_exit_code(self) -> int:
        """Return the exit code of an earlier try on this node that failed for good; 0 where none did."""
        earlier = self._earlier
        return earlier.exit_code if earlier and self._is_retry and earlier.state == WorkerState.FAILED else 0

    @property
    def message(self) -> str:
        """Return why the earlier try failed."""
        return self._earlier.message if self._earlier else ""

    def running(self) -> None:
        """Report that the worker runs."""
        self._put(self._context.blobs, WorkerState.RUNNING)

    def failed(self, error: Exception, secret: str) -> None:
        """Report why the task fails, and whether that is for good; storage that does not answer is no further error.

        :param secret: what must not be in the report
        """
        lines = error.lines if isinstance(error, WorkerFailedError) else []
        message = error.summary if isinstance(error, WorkerFailedError) else str(error)
        if not isinstance(error, NodeError):
            message = f"{type(error).__name__}: {error}"
        lines = lines or excerpt(output_of(self._context.workdir).decode(errors="replace"), [secret])
        earlier = self._earlier
        repeated = earlier is not None and earlier.state == WorkerState.FAILING and earlier.message == message
        final = is_final(error) or repeated or self._attempt > WORKER_RETRIES
        code = error.exit_code if isinstance(error, NodeError) else 1
        with contextlib.suppress(BlobError, TerminatedError):
            blobs = self._context.blobs.with_policy(REPORT_POLICY)
            self._put(blobs, WorkerState.FAILED if final else WorkerState.FAILING, message, code, lines)

    def _put(self, blobs: Blobs, state: str, message: str = "", code: int = 0, lines: Sequence[str] = ()) -> None:
        context = self._context
        status = WorkerStatus(
            context.task_id, context.node_id, context.host, state, self._attempt, message, code, list(lines)
        )
        blobs.put(self._blob, status.to_bytes())
