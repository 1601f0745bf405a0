"""Log on stderr what the node code does: one line each, with the time; never a URL with a SAS, never a secret."""

from __future__ import annotations

import sys
import time

__all__ = ["log"]


def log(text: str) -> None:
    """Write one line to stderr; a closed stderr is no reason to fail."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        sys.stderr.write(f"{stamp} aztk: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
