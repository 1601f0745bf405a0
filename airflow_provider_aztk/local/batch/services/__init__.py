"""What the emulated service does: pools, nodes, jobs, tasks, scheduling, files, injected faults."""

from __future__ import annotations
