"""What the end of a task means for its job and for the tasks that depend on it."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from airflow_provider_aztk.local.batch.common.values import Json, items, members

__all__ = ["End", "Reaction", "react"]


class End(Enum):
    """The ways in which a task can end."""

    EXITED = auto()
    NOT_STARTED = auto()
    UPLOAD_FAILED = auto()
    STOPPED = auto()


class Reaction(NamedTuple):
    """What follows: ``none``, ``disable`` or ``terminate`` for the job; whether dependents may go on."""

    job_action: str
    satisfies: bool


def react(spec: Json, end: End, exit_code: int | None) -> Reaction:
    """Find what a task's exit conditions say about its end."""
    conditions = members(spec, "exitConditions")
    options = _listed(conditions, exit_code) if end in (End.EXITED, End.UPLOAD_FAILED) else None
    fine = end is End.EXITED and exit_code == 0
    if options is None and not fine:
        named = {End.NOT_STARTED: "preProcessingError", End.UPLOAD_FAILED: "fileUploadError"}.get(end, "default")
        options = conditions.get(named) or conditions.get("default")
    options = options or {}
    job_action = options.get("jobAction") or ("none" if fine else "terminate")
    dependency_action = options.get("dependencyAction") or ("satisfy" if fine else "block")
    return Reaction(str(job_action).lower(), str(dependency_action).lower() == "satisfy")


def _listed(conditions: Json, exit_code: int | None) -> Json | None:
    for entry in items(conditions, "exitCodes"):
        if int(entry["code"]) == exit_code:
            return members(entry, "exitOptions")
    for entry in items(conditions, "exitCodeRanges"):
        if exit_code is not None and int(entry["start"]) <= exit_code <= int(entry["end"]):
            return members(entry, "exitOptions")
    return None
