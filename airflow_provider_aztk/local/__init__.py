"""The local stack: an emulator of the Azure Batch REST service, Azurite for blobs, tasks as processes."""

from __future__ import annotations
