"""What still runs of something that a test has started."""

from __future__ import annotations

from airflow_provider_aztk.local.batch.execution import process_table

__all__ = ["MARK", "processes_with"]

MARK = "AZTK_TEST"  # in the environment of what the test starts; all of it inherits it


def processes_with(mark: str) -> list[str]:
    """Return the command lines of the processes that carry a test's mark in their environment."""
    return [process_table.command_line(pid) for pid in process_table.with_variable(MARK, mark)]
