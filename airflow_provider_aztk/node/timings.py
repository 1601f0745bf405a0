"""Shorten the long waits for tests: ``AZTK_NODE_HASTE=10`` makes every grace period ten times shorter."""

from __future__ import annotations

import os

__all__ = ["hasty"]


def hasty(seconds: float) -> float:
    """Give the seconds to wait; on a real node they are what they are."""
    try:
        return seconds / max(float(os.environ.get("AZTK_NODE_HASTE") or 1), 1.0)
    except ValueError:
        return seconds
