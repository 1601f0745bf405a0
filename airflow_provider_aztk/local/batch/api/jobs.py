"""Operations on jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.conditions import check_conditions
from airflow_provider_aztk.local.batch.api.filter_fields import JOBS
from airflow_provider_aztk.local.batch.api.listing import from_collection, list_response, select
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.responses import accepted, changed, created, found
from airflow_provider_aztk.local.batch.api.serializers import serialize_job, with_metadata
from airflow_provider_aztk.local.batch.api.strict import check_job_strictly
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.store.records import JobRecord

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


def _url(request: Request) -> str:
    # The service names every job so here, whatever its id.
    return f"{request.base}/jobs/job-1"


def _find(backend: Backend, request: Request) -> JobRecord:
    job = backend.jobs.find(request.names["job"])
    check_conditions(request, job)
    return job


def _find_open(backend: Backend, request: Request) -> JobRecord:
    """Return the job that a change is meant for: one that is being deleted takes none."""
    job = backend.jobs.find_open(request.names["job"])
    check_conditions(request, job)
    return job


async def create_job(backend: Backend, request: Request) -> Response:
    """Create a job."""
    body = request.json("Job")
    check_job_strictly(backend, request, body)
    return created(backend.jobs.create(body), _url(request))


async def list_jobs(backend: Backend, request: Request) -> Response:
    """List jobs."""
    source = from_collection(backend.account.jobs)
    return list_response(request, "jobs", source, lambda job: serialize_job(request, job), JOBS)


async def get_job(backend: Backend, request: Request) -> Response:
    """Show a job."""
    job = _find(backend, request)
    body = select(serialize_job(request, job), request.query.get("$select"))
    return found(job, with_metadata(request, "jobs/@Element", body))


async def update_job(backend: Backend, request: Request) -> Response:
    """Change some properties of a job."""
    job = _find_open(backend, request)
    backend.jobs.update(job, request.json("JobUpdate"), replace=False)
    return changed(job, _url(request))


async def replace_job(backend: Backend, request: Request) -> Response:
    """Replace all changeable properties of a job."""
    job = _find_open(backend, request)
    backend.jobs.update(job, request.json("JobReplacement"), replace=True)
    return changed(job, _url(request))


async def delete_job(backend: Backend, request: Request) -> Response:
    """Delete a job with everything in it."""
    job = _find(backend, request)
    request.flag("force")
    backend.job_ends.delete(job)
    return accepted()


async def disable_job(backend: Backend, request: Request) -> Response:
    """Disable a job."""
    job = _find_open(backend, request)
    backend.jobs.disable(job, request.json("JobDisable"))
    return changed(job, _url(request), 202)


async def enable_job(backend: Backend, request: Request) -> Response:
    """Enable a disabled job."""
    job = _find_open(backend, request)
    backend.jobs.enable(job)
    return changed(job, _url(request), 202)


async def terminate_job(backend: Backend, request: Request) -> Response:
    """End a job."""
    job = _find(backend, request)
    request.flag("force")
    reason = request.json("JobTerminate", optional=True).get("terminateReason")
    backend.job_ends.terminate(job, None if reason is None else str(reason))
    return changed(job, _url(request), 202)


async def get_job_task_counts(backend: Backend, request: Request) -> Response:
    """Count the tasks of a job by state."""
    job = backend.jobs.find(request.names["job"])
    body = {"taskCounts": asdict(job.counts), "taskSlotCounts": asdict(job.slot_counts)}
    return Response(body=with_metadata(request, "taskcounts/@Element", body))


async def list_job_preparation_and_release_task_status(backend: Backend, request: Request) -> Response:
    """Refuse: no job here has such tasks yet."""
    backend.jobs.find(request.names["job"])
    raise BatchServiceError("JobPreparationTaskOrReleaseTaskNotSpecified")
