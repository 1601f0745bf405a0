"""The local stack around the emulator: Azurite, web pages, Spark, the command line and its checks."""

from __future__ import annotations
