"""Why applications, jobs and clusters have ended or will not start, from what Azure Batch answers. Pure functions."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _naming
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.clock import timestamp
from airflow_provider_aztk.client._azure.refusals import SAS_REFUSED
from airflow_provider_aztk.client.models import Application, Failure, JobState, Outcome
from airflow_provider_aztk.client.models._sizes import DEFAULT_POOL_TIMEOUT
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_ENDING = (JobState.TERMINATING, JobState.COMPLETED, JobState.DELETING)
_LOG_LINES, _LOG_WIDTH = 30, 500  # of the master's log, in an error's message
# What Batch and a shell say of a program that is not there; the program of all our tasks is python3.
_NO_PROGRAM_EXIT = 127
_NO_PYTHON = "an image (docker_repo) needs python3 of version 3.8 or later on its PATH"


def failure_of(error: Mapping[str, Any] | None) -> Failure | None:
    """Read Batch's error objects: task failureInfo, job schedulingError, pool resizeError, node error."""
    if not error:
        return None
    details = error.get("details") or error.get("values") or error.get("errorDetails") or []
    code = error.get("code") or error.get("category") or codes.UNKNOWN
    message = error.get("message") or "Azure Batch gave no message"
    return Failure(
        code=code,
        message=f"{message.rstrip('.')}: {SAS_REFUSED}" if code in codes.DOWNLOAD_REFUSED else message,
        values={str(item.get("name")): str(item.get("value")) for item in details},
    )


def application_failure(info: Mapping[str, Any]) -> Failure:
    """Return why an application did not succeed, from its task's ``executionInfo``."""
    exit_code = info.get("exitCode")
    known = contract.WRAPPER_EXIT_CODES.get(exit_code) if isinstance(exit_code, int) else None
    if known:
        return Failure(code=codes.FAILURE_EXIT_CODE, message=known, values={"exit code": str(exit_code)})
    failure = failure_of(info.get("failureInfo"))
    if exit_code is not None and (failure is None or failure.code == codes.FAILURE_EXIT_CODE):
        hint = f" (a program was not found; {_NO_PYTHON})" if exit_code == _NO_PROGRAM_EXIT else ""
        return Failure(code=codes.FAILURE_EXIT_CODE, message=f"the driver ended with exit code {exit_code}{hint}")
    if failure and failure.code == codes.NO_PROGRAM:
        return dataclasses.replace(failure, message=f"{failure.message.rstrip('.')}: {_NO_PYTHON}")
    return failure or Failure(code=codes.UNKNOWN, message="Azure Batch says no more than that it did not succeed")


def job_failure(job: Mapping[str, Any]) -> Failure | None:
    """Return why a Batch job has ended or is ending, or None while it lives."""
    info = job.get("executionInfo") or {}
    scheduling = failure_of(info.get("schedulingError"))
    if scheduling:
        return scheduling
    if job.get("state") not in _ENDING:
        return None
    reason = info.get("terminateReason") or f"job is {job['state']}"
    return Failure(code=codes.JOB_ENDED, message=f"the cluster's Batch job has ended: {reason}")


def may_be_ended_by_master(job: Mapping[str, Any]) -> bool:
    """Return whether a job has ended because its job manager task, the master, did; Batch may give its reason late."""
    reason = (job.get("executionInfo") or {}).get("terminateReason")
    return reason == codes.MASTER_ENDED or (reason is None and job.get("state") == JobState.TERMINATING)


def master_failure(job: Mapping[str, Any], master: Application | None, log: bytes | None) -> Failure | None:
    """Return how the master ended, where that ended the job."""
    if master is None or not may_be_ended_by_master(job):
        return None
    if master.outcome in (None, Outcome.STOPPED):  # it is ended with the job, and not the other way round
        return None
    if master.outcome is Outcome.SUCCESS:
        reason = (log or b"").decode(errors="replace").strip() or "its idle_timeout was over"
        return Failure(code=codes.JOB_ENDED, message=f"the cluster ended itself: {reason[:_LOG_WIDTH]}")
    message = f"the Spark master ended: {master.failure}"
    lines = (log or b"").decode(errors="replace").splitlines()[-_LOG_LINES:]
    if lines:
        message += "\nThe last lines of its log:\n" + "\n".join(f"    {line[:_LOG_WIDTH]}" for line in lines)
    code = codes.TOO_FEW_WORKERS if master.exit_code == contract.EXIT_TOO_FEW_WORKERS else codes.MASTER_FAILED
    return Failure(code=code, message=message)


def is_of_master(failure: Failure | None) -> bool:
    """Return whether it is the master that has ended the job, and has left the reason in its log."""
    return failure is not None and failure.code in (codes.MASTER_FAILED, codes.TOO_FEW_WORKERS, codes.ENDED_ITSELF)


def pool_failure(job: Mapping[str, Any], pool: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> Failure | None:
    """Return why no node of this pool will run the master, or None as long as it may.

    A Spot node that is missing is no failure while there is a node for the master; neither is an error that is
    older than the job.
    """
    if pool.get("state") == codes.PoolState.DELETING:
        return Failure(code=codes.POOL_BEING_DELETED, message="the cluster's pool is being deleted")
    dedicated_only = _master_avoids_spot(job)
    eligible = [node for node in nodes if node.get("isDedicated", True) or not dedicated_only]
    usable = [node for node in eligible if node.get("state") not in codes.BAD_NODES]
    if usable:
        return None
    if eligible:
        return node_failure(eligible[0])
    if pool.get("allocationState") == codes.AllocationState.RESIZING:
        return None
    since = timestamp(job.get("creationTime"))
    changed = timestamp(pool.get("allocationStateTransitionTime"))
    if since and changed and changed < since:
        return None
    return failure_of(next(iter(pool.get("resizeErrors") or []), None))


def missing_pool(job: Mapping[str, Any], now: datetime) -> Failure | None:
    """Return the failure of a job that should have a pool by now, and has none; it would wait for ever.

    :param now: the service's time.
    """
    created = timestamp(job.get("creationTime"))
    given = _naming.from_metadata(job.get("metadata")).get(_naming.POOL_TIMEOUT) or ""
    limit = timedelta(seconds=int(given)) if given.isdigit() else DEFAULT_POOL_TIMEOUT
    if job.get("state") in _ENDING or created is None or now - created < limit:
        return None
    text = "it is active and has no pool of nodes: Azure Batch has not made one, or somebody has deleted it"
    fix = f"delete it and create it again; pool_timeout={limit} is how long to wait for a pool"
    return Failure(code=codes.POOL_MISSING, message=f"{text}; {fix}")


def _master_avoids_spot(job: Mapping[str, Any]) -> bool:
    """Return whether the master runs on dedicated nodes only; a job that was listed has its pool, and no manager."""
    manager = job.get("jobManagerTask")
    if manager:
        return not manager.get("allowLowPriorityNode", True)
    pool = ((job.get("poolInfo") or {}).get("autoPoolSpecification") or {}).get("pool") or {}
    return bool(pool.get("targetDedicatedNodes"))


def node_failure(node: Mapping[str, Any]) -> Failure:
    """Return why a node cannot be used."""
    errors = node.get("errors") or []
    start = failure_of((node.get("startTaskInfo") or {}).get("failureInfo"))
    found = failure_of(errors[0]) if errors else start
    return found or Failure(code=f"Node{str(node.get('state')).capitalize()}", message=f"node {node.get('id')}")


def failure_before_end(
    job: Mapping[str, Any], master: Application | None, master_log: bytes | None, *, is_submitted: bool
) -> Failure | None:
    """Return what has ended an AZTK job before its applications did, unless somebody stopped it."""
    if (job.get("executionInfo") or {}).get("terminateReason") == codes.TIME_OVER:
        return Failure(code=codes.TIME_OVER, message="its time (max_lifetime) was over before it was done")
    failure = master_failure(job, master, master_log)
    if failure and not is_of_master(failure):  # it ended itself, though its applications were not done
        failure = Failure(code=codes.ENDED_ITSELF, message=failure.message)
    if failure is None and not is_submitted:
        failure = Failure(code=codes.INCOMPLETE, message="it ended before all of its tasks were added")
    return failure
