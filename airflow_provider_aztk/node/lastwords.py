"""Keep what a failing master has said: its node goes with the cluster, and with the node the task's output."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Iterator

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.blobs import Policy
from airflow_provider_aztk.node.errors import BlobError, TerminatedError

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context

__all__ = ["PATIENCE", "last_words", "tail"]

TAIL_BYTES = 8 * 1024  # of each of the two files
BROKEN_CHARACTER = re.compile(rb"\A[\x80-\xbf]{1,3}")
PATIENCE = Policy(timeout=5.0, patience=10.0)


@contextlib.contextmanager
def last_words(context: Context) -> Iterator[None]:
    """Put the end of the task's own output into the container when the body fails; being terminated is no failure."""
    try:
        yield
    except TerminatedError:
        raise
    except Exception as error:
        directory = os.path.dirname(context.workdir)  # where Batch puts what a task writes
        parts = [tail(os.path.join(directory, name)) for name in ("stdout.txt", "stderr.txt")]
        parts.append(f"{type(error).__name__}: {error}\n".encode(errors="replace"))
        with contextlib.suppress(BlobError, TerminatedError):
            context.blobs.with_policy(PATIENCE).put(contract.MASTER_LOG_BLOB, b"".join(parts))
        raise


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
