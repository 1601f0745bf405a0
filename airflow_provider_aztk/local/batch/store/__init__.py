"""Records of the emulated account and the only ways to change their states. No I/O."""

from __future__ import annotations
