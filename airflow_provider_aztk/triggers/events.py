"""The event that ends the wait of a task: plain JSON, the same shape for every trigger."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

__all__ = ["ApplicationSummary", "JobSummary", "WaitEvent", "WaitResult", "WaitStatus"]


class WaitStatus:
    """The values of an event's ``status``; plain strings, for they travel as JSON."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"


class ApplicationSummary(TypedDict):
    """The state of one application when the wait ended.

    ``state``, ``outcome``: values of ``ApplicationState`` and ``Outcome``; None where it was never scheduled, or has
    no outcome yet. ``exit_code``: of the driver, or None. ``failure``: Azure's code and message as text, or None.
    ``start_time``, ``end_time``: ISO 8601, or None; absent where it was never scheduled.
    """

    name: str
    state: str | None
    outcome: str | None
    exit_code: int | None
    failure: str | None
    start_time: NotRequired[str | None]
    end_time: NotRequired[str | None]


class JobSummary(TypedDict):
    """The outcome of one AZTK job (a value of ``Outcome``), or None where it has none yet."""

    job_id: str
    outcome: str | None


class WaitResult(TypedDict, total=False):
    """What a wait found out. It is empty for clusters and deletions, and after a timeout.

    ``applications``: of a cluster or of all jobs. ``jobs``: of a job trigger. ``cluster_failure_code``: why a cluster
    ended before its applications did, e.g. ``MasterFailed``; absent where it did not. ``log_offsets``: the byte up to
    which each driver's log has been written to the task's log. ``secret_refs``: references to the secrets to mask.
    The last two are set by the triggers that read logs.
    """

    applications: list[ApplicationSummary]
    jobs: list[JobSummary]
    cluster_failure_code: str
    log_offsets: dict[str, int]
    secret_refs: list[str]


class WaitEvent(TypedDict):
    """The payload of every event of every trigger.

    ``status``: see :class:`WaitStatus`. ``message``: what went wrong, or None. ``code``: Azure's code or the driver's
    exit code as text, or None. ``ids``: the clusters or jobs that were watched. ``result``: see :class:`WaitResult`.
    ``remote``: what the operator gave the trigger to hand back.
    """

    status: str
    message: str | None
    code: str | None
    ids: list[str]
    result: WaitResult
    remote: dict[str, Any]
