"""What each worker's task says of itself in ``cluster/workers/``: it runs, it failed, it failed for good."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.errors import (
    BadInputError,
    BlobError,
    NodeError,
    TerminatedError,
    WorkerFailedError,
)
from airflow_provider_aztk.node.log.last_lines import excerpt
from airflow_provider_aztk.node.monitoring.failure_report import is_final, output_of
from airflow_provider_aztk.node.storage.blobs import Policy

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["FAILED", "FAILING", "RUNNING", "WorkerNote", "WorkerNotes", "WorkerRecord"]

RUNNING = "running"
FAILING = "failing"
FAILED = "failed"
PATIENCE = Policy(timeout=5.0, patience=10.0)


@dataclass(frozen=True)
class WorkerNote:
    """One worker's note."""

    task_id: str
    node_id: str
    host: str
    state: str = RUNNING
    attempt: int = 1
    message: str = ""
    exit_code: int = 0
    last_lines: List[str] = field(default_factory=list)

    @staticmethod
    def from_bytes(data: bytes, name: str) -> WorkerNote:
        """Read a note; refuse what is none."""
        value = documents.parse(data, name)
        try:
            return WorkerNote(**{key: value[key] for key in WorkerNote.__dataclass_fields__ if key in value})
        except TypeError as error:
            raise BadInputError(f"{name} is not as the protocol says: {error}") from None

    @property
    def public(self) -> Dict[str, Any]:
        """Give what master.json says of a worker that failed."""
        return {name: getattr(self, name) for name in ("task_id", "node_id", "message", "last_lines")}


class WorkerNotes:
    """All notes of a cluster; each is read again only when it has changed."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._tags: Dict[str, str] = {}
        self._notes: Dict[str, WorkerNote] = {}

    def look(self) -> List[WorkerNote]:
        """Read what is new, and give all."""
        for blob in self._blobs.list(contract.WORKERS_PREFIX):
            if not blob.size or (blob.etag and self._tags.get(blob.name) == blob.etag):
                continue
            with contextlib.suppress(BadInputError):
                self._notes[blob.name] = WorkerNote.from_bytes(self._blobs.get(blob.name) or b"", blob.name)
            self._tags[blob.name] = blob.etag
        return [self._notes[name] for name in sorted(self._notes)]


class WorkerRecord:
    """The note of the worker that this task is."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._blob = contract.worker_blob(context.task_id)
        self._earlier = self._read()
        # On another node than before, as after a preemption, a worker has all its tries again.
        self._is_retry = self._earlier is not None and self._earlier.node_id == context.node_id
        self._attempt = self._earlier.attempt + 1 if self._is_retry else 1

    @property
    def final_exit_code(self) -> int:
        """Give the exit code of an earlier try on this node that failed for good; 0 where none did."""
        return self._earlier.exit_code if self._is_retry and self._earlier.state == FAILED else 0

    @property
    def message(self) -> str:
        """Give what the earlier try failed with."""
        return self._earlier.message if self._earlier else ""

    def running(self) -> None:
        """Say that the worker runs."""
        self._put(self._note(RUNNING))

    def failed(self, error: Exception, secret: str) -> None:
        """Say why the task fails, and whether that is for good; storage that does not answer must not hide why."""
        lines = error.lines if isinstance(error, WorkerFailedError) else []
        message = error.summary if isinstance(error, WorkerFailedError) else str(error)
        if not isinstance(error, NodeError):
            message = f"{type(error).__name__}: {error}"
        lines = lines or excerpt(output_of(self._context.workdir).decode(errors="replace"), [secret])
        repeated = self._earlier is not None and self._earlier.state == FAILING and self._earlier.message == message
        final = is_final(error) or repeated or self._attempt > contract.WORKER_RETRIES
        code = error.exit_code if isinstance(error, NodeError) else 1
        note = self._note(FAILED if final else FAILING, message, code, lines)
        with contextlib.suppress(BlobError, TerminatedError):
            self._put(note, self._context.blobs.with_policy(PATIENCE))

    def _note(self, state: str, message: str = "", code: int = 0, lines: Sequence[str] = ()) -> WorkerNote:
        context = self._context
        return WorkerNote(
            context.task_id, context.node_id, context.host, state, self._attempt, message, code, list(lines)
        )

    def _put(self, note: WorkerNote, blobs: Any = None) -> None:
        (blobs or self._context.blobs).put(self._blob, documents.encode(asdict(note)))

    def _read(self) -> Any:
        data = self._context.blobs.get(self._blob)
        with contextlib.suppress(BadInputError):
            return WorkerNote.from_bytes(data, self._blob) if data else None
        return None
