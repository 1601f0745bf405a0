"""The REST API of the emulated service: routes, signatures, conditions, OData, the exact bytes of responses."""

from __future__ import annotations
