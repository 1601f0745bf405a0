"""What every layer of the local stack may use: errors, times, ids, signatures, settings."""

from __future__ import annotations
