"""Operations on jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.api.call import Answer, Call
from airflow_provider_aztk.local.api.conditions import check_conditions
from airflow_provider_aztk.local.api.fields import JOBS
from airflow_provider_aztk.local.api.listing import from_collection, list_answer, select
from airflow_provider_aztk.local.api.replies import accepted, changed, created, found
from airflow_provider_aztk.local.api.views import job_view, with_metadata
from airflow_provider_aztk.local.common.errors import BatchServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.local.services.backend import Backend

__all__ = [
    "create_job",
    "delete_job",
    "disable_job",
    "enable_job",
    "get_job",
    "get_job_task_counts",
    "list_job_preparation_and_release_task_status",
    "list_jobs",
    "replace_job",
    "terminate_job",
    "update_job",
]


def _url(call: Call) -> str:
    # The service names every job so here, whatever its id.
    return f"{call.base}/jobs/job-1"


async def create_job(backend: Backend, call: Call) -> Answer:
    """Make a job."""
    return created(backend.jobs.create(call.json("Job")), _url(call))


async def list_jobs(backend: Backend, call: Call) -> Answer:
    """List jobs."""
    source = from_collection(backend.account.jobs)
    return list_answer(call, "jobs", source, lambda job: job_view(call, job), JOBS)


async def get_job(backend: Backend, call: Call) -> Answer:
    """Show a job."""
    job = backend.jobs.find(call.names["job"])
    check_conditions(call, job)
    body = select(job_view(call, job), call.query.get("$select"))
    return found(job, with_metadata(call, "jobs/@Element", body))


async def update_job(backend: Backend, call: Call) -> Answer:
    """Change some properties of a job."""
    job = backend.jobs.find_open(call.names["job"])
    check_conditions(call, job)
    backend.jobs.update(job, call.json("JobUpdate"), replace=False)
    return changed(job, _url(call))


async def replace_job(backend: Backend, call: Call) -> Answer:
    """Replace all changeable properties of a job."""
    job = backend.jobs.find_open(call.names["job"])
    check_conditions(call, job)
    backend.jobs.update(job, call.json("JobReplacement"), replace=True)
    return changed(job, _url(call))


async def delete_job(backend: Backend, call: Call) -> Answer:
    """Delete a job with everything in it."""
    job = backend.jobs.find(call.names["job"])
    check_conditions(call, job)
    call.flag("force")
    backend.job_ends.delete(job)
    return accepted()


async def disable_job(backend: Backend, call: Call) -> Answer:
    """Hold a job."""
    job = backend.jobs.find_open(call.names["job"])
    check_conditions(call, job)
    backend.jobs.disable(job, call.json("JobDisable"))
    return changed(job, _url(call), 202)


async def enable_job(backend: Backend, call: Call) -> Answer:
    """Let a held job go."""
    job = backend.jobs.find_open(call.names["job"])
    check_conditions(call, job)
    backend.jobs.enable(job)
    return changed(job, _url(call), 202)


async def terminate_job(backend: Backend, call: Call) -> Answer:
    """End a job."""
    job = backend.jobs.find(call.names["job"])
    check_conditions(call, job)
    call.flag("force")
    reason = call.json("JobTerminate", optional=True).get("terminateReason")
    backend.job_ends.terminate(job, None if reason is None else str(reason))
    return changed(job, _url(call), 202)


async def get_job_task_counts(backend: Backend, call: Call) -> Answer:
    """Count the tasks of a job by state."""
    job = backend.jobs.find(call.names["job"])
    body = {"taskCounts": asdict(job.counts), "taskSlotCounts": asdict(job.slot_counts)}
    return Answer(body=with_metadata(call, "taskcounts/@Element", body))


async def list_job_preparation_and_release_task_status(backend: Backend, call: Call) -> Answer:
    """Refuse: no job here has such tasks yet."""
    backend.jobs.find(call.names["job"])
    raise BatchServiceError("JobPreparationTaskOrReleaseTaskNotSpecified")
