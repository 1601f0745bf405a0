"""Operations on tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.conditions import check_conditions
from airflow_provider_aztk.local.batch.api.filter_fields import TASKS
from airflow_provider_aztk.local.batch.api.listing import from_collection, list_response, select
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.responses import changed, created, found, version_headers
from airflow_provider_aztk.local.batch.api.serializers import serialize_task, with_metadata
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.times import format_time
from airflow_provider_aztk.local.batch.common.values import Json, items, required
from airflow_provider_aztk.local.batch.services.tasks import MAX_COLLECTION

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.store.records import JobRecord, TaskRecord

__all__ = [
    "create_task",
    "create_task_collection",
    "delete_task",
    "get_task",
    "list_subtasks",
    "list_tasks",
    "reactivate_task",
    "replace_task",
    "terminate_task",
]


def _task(backend: Backend, request: Request) -> tuple[JobRecord, TaskRecord]:
    job = backend.jobs.find(request.names["job"])
    task = backend.tasks.find(job, request.names["task"])
    check_conditions(request, task)
    return job, task


def _url(request: Request, task: TaskRecord) -> str:
    return f"{request.base}/jobs/{task.job_id}/tasks/{task.id}"


async def create_task(backend: Backend, request: Request) -> Response:
    """Add a task to a job."""
    job = backend.jobs.find(request.names["job"])
    task = backend.tasks.create(job, request.json("Task"))
    return created(task, _url(request, task))


async def create_task_collection(backend: Backend, request: Request) -> Response:
    """Add up to 100 tasks to a job; each has its own result."""
    job = backend.jobs.find_open(request.names["job"])
    body = request.json("TaskCollection")
    required(body, "value")
    bodies = items(body, "value")
    if len(bodies) > MAX_COLLECTION:
        raise invalid_property("value", len(bodies), f"At most {MAX_COLLECTION} tasks can be added at once.")
    results = [_add(backend, request, job, entry) for entry in bodies]
    return Response(body=with_metadata(request, "taskaddresult", {"value": results}))


def _add(backend: Backend, request: Request, job: JobRecord, body: Json) -> Json:
    name = str(body.get("id", ""))
    fault = backend.faults.for_task(job.id, name)
    if fault is not None:
        if fault.after:
            backend.tasks.create(job, body)
        error: Json = {"code": fault.code, "message": {"lang": "en-US", "value": fault.message}}
        return {"status": fault.status, "taskId": name, "error": error}
    try:
        task = backend.tasks.create(job, body)
    except BatchServiceError as refusal:
        detail: Json = {"code": refusal.code, "message": {"lang": "en-US", "value": refusal.text}}
        if refusal.values:
            detail["values"] = [{"key": key, "value": value} for key, value in refusal.values]
        return {"status": "ClientError", "taskId": name, "error": detail}
    return {
        "status": "Success",
        "taskId": task.id,
        "eTag": task.etag,
        "lastModified": format_time(task.modified),
        "location": _url(request, task),
    }


async def list_tasks(backend: Backend, request: Request) -> Response:
    """List the tasks of a job."""
    job = backend.jobs.find(request.names["job"])
    return list_response(
        request, "tasks", from_collection(job.tasks), lambda task: serialize_task(request, task), TASKS
    )


async def get_task(backend: Backend, request: Request) -> Response:
    """Show a task."""
    _, task = _task(backend, request)
    body = select(serialize_task(request, task), request.query.get("$select"))
    response = found(task, with_metadata(request, "tasks/@Element", body))
    response.headers["DataServiceId"] = _url(request, task)
    return response


async def replace_task(backend: Backend, request: Request) -> Response:
    """Replace a task's constraints."""
    job, task = _task(backend, request)
    backend.tasks.replace(job, task, request.json("TaskReplacement"))
    return changed(task, _url(request, task))


async def delete_task(backend: Backend, request: Request) -> Response:
    """Delete a task with its files."""
    job, task = _task(backend, request)
    await backend.tasks.delete(job, task)
    return Response()


async def terminate_task(backend: Backend, request: Request) -> Response:
    """End a task."""
    job, task = _task(backend, request)
    await backend.tasks.terminate(job, task)
    return changed(task, _url(request, task), 204)


async def reactivate_task(backend: Backend, request: Request) -> Response:
    """Reactivate a failed task."""
    job, task = _task(backend, request)
    backend.tasks.reactivate(job, task)
    return Response(status=204, headers=version_headers(task))


async def list_subtasks(backend: Backend, request: Request) -> Response:
    """List the subtasks of a task: without multi-instance tasks there are none."""
    backend.tasks.find(backend.jobs.find(request.names["job"]), request.names["task"])
    return Response(body=with_metadata(request, "subtaskinfo", {"value": []}))
