"""Parsing the exit conditions of a task: what follows from each kind of its end."""

from __future__ import annotations

from airflow_provider_aztk.local.batch.common.errors import invalid_property
from airflow_provider_aztk.local.batch.common.values import Json, choice, integer, items, members, option, required
from airflow_provider_aztk.local.batch.store.specs import DependencyAction, ExitConditions, ExitOptions, JobAction

__all__ = ["check_exit_conditions", "parse_exit_conditions"]

_NAMED_CONDITIONS = ("preProcessingError", "fileUploadError", "default")
_NO_CONDITIONS = ExitConditions()


def check_exit_conditions(echo: Json, *, job_reacts: bool) -> None:
    """Check a task's exit conditions.

    :param job_reacts: whether the job's ``onTaskFailure`` is ``performExitOptionsJobAction``.
    """
    conditions = members(echo, "exitConditions")
    if not conditions:
        return
    options = [members(conditions, name) for name in _NAMED_CONDITIONS]
    for entry in items(conditions, "exitCodes"):
        required(entry, "code")
        options.append(members(entry, "exitOptions"))
    for entry in items(conditions, "exitCodeRanges"):
        if integer(entry, "start", 0) > integer(entry, "end", 0):
            raise invalid_property("exitCodeRanges", entry, "start must not be greater than end.")
        options.append(members(entry, "exitOptions"))
    for given in options:
        choice(given, "dependencyAction", "block", tuple(DependencyAction))
        action = choice(given, "jobAction", "none", tuple(JobAction))
        if given.get("jobAction") is not None and not job_reacts:
            raise invalid_property(
                "jobAction", action, "jobAction cannot be specified when the job's onTaskFailure is noaction."
            )


def parse_exit_conditions(body: Json) -> ExitConditions:
    """Parse exit conditions that were checked."""
    if not body:
        return _NO_CONDITIONS
    codes = [(entry["code"], entry["code"], entry) for entry in items(body, "exitCodes")]
    codes += [(integer(e, "start", 0), integer(e, "end", 0), e) for e in items(body, "exitCodeRanges")]
    named = {name: _read_exit_options(members(body, name)) for name in _NAMED_CONDITIONS if body.get(name)}
    return ExitConditions(
        exit_codes=tuple((first, last, _read_exit_options(members(e, "exitOptions"))) for first, last, e in codes),
        pre_processing_error=named.get("preProcessingError"),
        file_upload_error=named.get("fileUploadError"),
        default=named.get("default"),
    )


def _read_exit_options(body: Json) -> ExitOptions:
    return ExitOptions(
        job_action=option(body, "jobAction", JobAction.NONE) if body.get("jobAction") else None,
        dependency_action=option(body, "dependencyAction", DependencyAction.BLOCK)
        if body.get("dependencyAction")
        else None,
    )
