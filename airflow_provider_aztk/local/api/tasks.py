"""Operations on tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.api.call import Answer, Call
from airflow_provider_aztk.local.api.conditions import check_conditions
from airflow_provider_aztk.local.api.fields import TASKS
from airflow_provider_aztk.local.api.listing import from_collection, list_answer, select
from airflow_provider_aztk.local.api.replies import changed, created, found, version_headers
from airflow_provider_aztk.local.api.views import task_view, with_metadata
from airflow_provider_aztk.local.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.common.times import format_time
from airflow_provider_aztk.local.common.values import Json, items, required
from airflow_provider_aztk.local.services.tasks import MAX_COLLECTION

if TYPE_CHECKING:
    from airflow_provider_aztk.local.services.backend import Backend
    from airflow_provider_aztk.local.store.records import JobRecord, TaskRecord

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


def _task(backend: Backend, call: Call) -> tuple[JobRecord, TaskRecord]:
    job = backend.jobs.find(call.names["job"])
    return job, backend.tasks.find(job, call.names["task"])


def _url(call: Call, task: TaskRecord) -> str:
    return f"{call.base}/jobs/{task.job_id}/tasks/{task.id}"


async def create_task(backend: Backend, call: Call) -> Answer:
    """Add a task to a job."""
    job = backend.jobs.find(call.names["job"])
    task = backend.tasks.create(job, call.json("Task"))
    return created(task, _url(call, task))


async def create_task_collection(backend: Backend, call: Call) -> Answer:
    """Add up to 100 tasks to a job; each has its own result."""
    job = backend.jobs.find_open(call.names["job"])
    body = call.json("TaskCollection")
    required(body, "value")
    bodies = items(body, "value")
    if len(bodies) > MAX_COLLECTION:
        raise invalid_property("value", len(bodies), f"At most {MAX_COLLECTION} tasks can be added at once.")
    results = [_add(backend, call, job, entry) for entry in bodies]
    return Answer(body=with_metadata(call, "taskaddresult", {"value": results}))


def _add(backend: Backend, call: Call, job: JobRecord, body: Json) -> Json:
    name = str(body.get("id", ""))
    fault = backend.trouble.for_task(job.id, name)
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
        "location": _url(call, task),
    }


async def list_tasks(backend: Backend, call: Call) -> Answer:
    """List the tasks of a job."""
    job = backend.jobs.find(call.names["job"])
    return list_answer(call, "tasks", from_collection(job.tasks), lambda task: task_view(call, task), TASKS)


async def get_task(backend: Backend, call: Call) -> Answer:
    """Show a task."""
    _, task = _task(backend, call)
    check_conditions(call, task)
    answer = found(
        task, with_metadata(call, "tasks/@Element", select(task_view(call, task), call.query.get("$select")))
    )
    answer.headers["DataServiceId"] = _url(call, task)
    return answer


async def replace_task(backend: Backend, call: Call) -> Answer:
    """Replace a task's constraints."""
    job, task = _task(backend, call)
    check_conditions(call, task)
    backend.tasks.replace(job, task, call.json("TaskReplacement"))
    return changed(task, _url(call, task))


async def delete_task(backend: Backend, call: Call) -> Answer:
    """Delete a task with its files."""
    job, task = _task(backend, call)
    check_conditions(call, task)
    await backend.tasks.delete(job, task)
    return Answer()


async def terminate_task(backend: Backend, call: Call) -> Answer:
    """End a task."""
    job, task = _task(backend, call)
    check_conditions(call, task)
    await backend.tasks.terminate(job, task)
    return changed(task, _url(call, task), 204)


async def reactivate_task(backend: Backend, call: Call) -> Answer:
    """Let a failed task run again."""
    job, task = _task(backend, call)
    check_conditions(call, task)
    backend.tasks.reactivate(job, task)
    return Answer(status=204, headers=version_headers(task))


async def list_subtasks(backend: Backend, call: Call) -> Answer:
    """List the subtasks of a task: without multi-instance tasks there are none."""
    _task(backend, call)
    return Answer(body=with_metadata(call, "subtaskinfo", {"value": []}))
