"""Report why a master failed: its node is removed with the cluster, and so is the output of its task.

Batch runs a failed task again. Where that cannot help, since the failure repeats, the master notes it in
``cluster/status.json``, and the further tries end at once with the same exit code.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Iterator

from airflow_provider_aztk.node.contract import ClusterBlobs, ClusterState, ClusterStatus
from airflow_provider_aztk.node.errors import (
    BadInputError,
    BlobError,
    NodeError,
    NoHostNetworkError,
    ScriptFailedError,
    StartFailedError,
    TerminatedError,
    TooFewWorkersError,
    WorkerFailedError,
)
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.documents import read_blob

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context

__all__ = ["REPORT_POLICY", "final_exit_code", "is_final", "output_of", "read_earlier", "report_failure", "tail"]

TAIL_BYTES = 8 * 1024  # of each of the two files
BROKEN_CHARACTER = re.compile(rb"\A[\x80-\xbf]{1,3}")
REPORT_POLICY = Policy(timeout=5.0, patience=10.0)
# These have been tried several times before they are raised, or depend on nothing that another try changes.
FINAL = (BadInputError, NoHostNetworkError, StartFailedError, TooFewWorkersError, WorkerFailedError)


def read_earlier(context: Context) -> ClusterStatus:
    """Return what the earlier master reported; an empty status where there was none, or it cannot be read."""
    try:
        return read_blob(context.blobs, ClusterBlobs.STATUS, ClusterStatus) or ClusterStatus()
    except BadInputError:
        return ClusterStatus()


def final_exit_code(earlier: ClusterStatus) -> int:
    """Return the exit code of an earlier master that failed for good; 0 where none did."""
    return (earlier.exit_code or 0) if earlier.state == ClusterState.FAILED and earlier.final else 0


def is_final(error: Exception) -> bool:
    """Return whether another try cannot end otherwise."""
    return isinstance(error, FINAL)


@contextlib.contextmanager
def report_failure(context: Context, earlier: ClusterStatus) -> Iterator[None]:
    """Write the end of the task's output and the reason to the container when the body fails; not when terminated."""
    try:
        yield
    except TerminatedError:
        raise
    except Exception as error:
        output = output_of(context.workdir) + f"{type(error).__name__}: {error}\n".encode(errors="replace")
        blobs = context.blobs.with_policy(REPORT_POLICY)
        with contextlib.suppress(BlobError, TerminatedError):
            blobs.put(ClusterBlobs.MASTER_LOG, output)
            blobs.put(ClusterBlobs.STATUS, _status(error, earlier).to_bytes())
        raise


def _status(error: Exception, earlier: ClusterStatus) -> ClusterStatus:
    # A script may fail for a reason that passes, e.g. a package index that is busy; not twice in the same way.
    failed_alike = earlier.state == ClusterState.FAILED and earlier.reason == str(error)
    return ClusterStatus(
        attempt=earlier.attempt + 1,
        state=ClusterState.FAILED,
        reason=str(error),
        exit_code=error.exit_code if isinstance(error, NodeError) else 1,
        final=is_final(error) or (isinstance(error, ScriptFailedError) and failed_alike),
    )


def output_of(workdir: str) -> bytes:
    """Return the end of what this task has written to stdout and stderr."""
    directory = os.path.dirname(workdir)  # where Batch puts what a task writes
    return b"".join(tail(os.path.join(directory, name)) for name in ("stdout.txt", "stderr.txt"))


def tail(path: str, max_bytes: int = TAIL_BYTES) -> bytes:
    """Return the last lines of a file, the last one with its line end; empty where there is no such file."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max_bytes))
            data = file.read()
    except OSError:
        return b""
    if size > max_bytes:
        # One endless line has no beginning here; it begins with a whole character.
        data = data.partition(b"\n")[2] or BROKEN_CHARACTER.sub(b"", data, 1)
    return data if not data or data.endswith(b"\n") else data + b"\n"
