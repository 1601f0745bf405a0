"""Keep what a failing master has said: its node goes with the cluster, and with the node the task's output.

Batch runs a task that failed again. Where that cannot help, since the failure repeats, the master says so in
``cluster/status.json``, and the further tries end at once with the same exit code.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.errors import (
    BadInputError,
    BlobError,
    NodeError,
    ScriptFailedError,
    StartFailedError,
    TerminatedError,
    TooFewWorkersError,
    WorkerFailedError,
)
from airflow_provider_aztk.node.storage.blobs import Policy

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context

__all__ = ["PATIENCE", "EarlierMaster", "is_final", "last_words", "output_of", "read_earlier", "tail"]

TAIL_BYTES = 8 * 1024  # of each of the two files
BROKEN_CHARACTER = re.compile(rb"\A[\x80-\xbf]{1,3}")
PATIENCE = Policy(timeout=5.0, patience=10.0)
FAILED = "failed"
# These have been tried several times before they are raised, or depend on nothing that another try changes.
FINAL = (BadInputError, StartFailedError, TooFewWorkersError, WorkerFailedError)


@dataclass(frozen=True)
class EarlierMaster:
    """What the master before this one left in status.json.

    :param exit_code: where it failed for good; 0 otherwise
    """

    attempt: int = 0
    reason: str = ""
    exit_code: int = 0


def read_earlier(context: Context) -> EarlierMaster:
    """Read what the earlier master left; nothing where there was none, or it cannot be read."""
    data = context.blobs.get(contract.STATUS_BLOB)
    if not data:
        return EarlierMaster()
    try:
        status = documents.parse(data, contract.STATUS_BLOB)
        failed = status.get("state") == FAILED
        code = int(status.get("exit_code", 0)) if failed and status.get("final") else 0
        return EarlierMaster(int(status.get("attempt", 0)), str(status.get("reason", "")) if failed else "", code)
    except (BadInputError, TypeError, ValueError):
        return EarlierMaster()


def is_final(error: Exception) -> bool:
    """Return whether another try cannot end otherwise."""
    return isinstance(error, FINAL)


@contextlib.contextmanager
def last_words(context: Context, earlier: Optional[EarlierMaster] = None) -> Iterator[None]:
    """Put the end of the task's own output into the container when the body fails; being terminated is no failure."""
    try:
        yield
    except TerminatedError:
        raise
    except Exception as error:
        said = output_of(context.workdir) + f"{type(error).__name__}: {error}\n".encode(errors="replace")
        blobs = context.blobs.with_policy(PATIENCE)
        with contextlib.suppress(BlobError, TerminatedError):
            blobs.put(contract.MASTER_LOG_BLOB, said)
            blobs.put(contract.STATUS_BLOB, documents.encode(_status(error, earlier or EarlierMaster())))
        raise


def _status(error: Exception, earlier: EarlierMaster) -> dict[str, object]:
    # A script may fail for a reason that passes, e.g. a package index that is busy; the same twice is none.
    repeated = isinstance(error, ScriptFailedError) and earlier.reason == str(error)
    return {
        "attempt": earlier.attempt + 1,
        "state": FAILED,
        "reason": str(error),
        "exit_code": error.exit_code if isinstance(error, NodeError) else 1,
        "final": is_final(error) or repeated,
    }


def output_of(workdir: str) -> bytes:
    """Give the end of what this task has written to stdout and stderr."""
    directory = os.path.dirname(workdir)  # where Batch puts what a task writes
    return b"".join(tail(os.path.join(directory, name)) for name in ("stdout.txt", "stderr.txt"))


def tail(path: str) -> bytes:
    """Give the last lines of a file, the last of them ended; nothing where there is no such file."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            data = file.read()
    except OSError:
        return b""
    if size > TAIL_BYTES:
        # Of one endless line there is no beginning, but whole characters.
        data = data.partition(b"\n")[2] or BROKEN_CHARACTER.sub(b"", data, 1)
    return data if not data or data.endswith(b"\n") else data + b"\n"
