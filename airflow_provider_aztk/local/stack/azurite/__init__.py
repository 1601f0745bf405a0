"""Azurite, the storage emulator: installed once for the user, run for a stack."""

from __future__ import annotations
