"""The REST face of the emulated service: routes, signatures, conditions, OData, the exact bytes of answers."""

from __future__ import annotations
