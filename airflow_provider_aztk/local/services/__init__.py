"""What the emulated service does: pools, nodes, jobs, tasks, scheduling, files, ordered trouble."""

from __future__ import annotations
