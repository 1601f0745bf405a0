"""What the end of a task means for its job and for the tasks that depend on it."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from airflow_provider_aztk.local.batch.store.specs import DependencyAction, ExitConditions, ExitOptions, JobAction

__all__ = ["End", "Reaction", "react"]


class End(Enum):
    """The ways in which a task can end."""

    EXITED = auto()
    NOT_STARTED = auto()
    UPLOAD_FAILED = auto()
    STOPPED = auto()


class Reaction(NamedTuple):
    """What follows for the job, and whether dependents may run."""

    job_action: JobAction
    satisfies: bool


def react(
    conditions: ExitConditions,
    end: End,
    exit_code: int | None,
    *,
    terminated_blocks: bool = False,
    zero_never_acts: bool = False,
) -> Reaction:
    """Return what a task's exit conditions say about its end.

    :param terminated_blocks: a task that was ended from outside meets no condition, and does not satisfy dependents.
    :param zero_never_acts: exit code 0 does nothing to the job.
    """
    if terminated_blocks and end is End.STOPPED:
        return Reaction(JobAction.NONE, satisfies=False)
    succeeded = end is End.EXITED and exit_code == 0
    options = _of_exit_code(conditions, exit_code) if end in (End.EXITED, End.UPLOAD_FAILED) else None
    if options is None and not succeeded:
        named = {End.NOT_STARTED: conditions.pre_processing_error, End.UPLOAD_FAILED: conditions.file_upload_error}
        options = named.get(end) or conditions.default
    options = options or ExitOptions()
    job_action = options.job_action or (JobAction.NONE if succeeded else JobAction.TERMINATE)
    if succeeded and zero_never_acts:
        job_action = JobAction.NONE
    satisfies = options.dependency_action is DependencyAction.SATISFY
    return Reaction(job_action, succeeded if options.dependency_action is None else satisfies)


def _of_exit_code(conditions: ExitConditions, exit_code: int | None) -> ExitOptions | None:
    if exit_code is None:
        return None
    return next((options for first, last, options in conditions.exit_codes if first <= exit_code <= last), None)
