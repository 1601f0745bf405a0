"""Running commands for tasks: as processes in directories of nodes, or simulated."""

from __future__ import annotations
