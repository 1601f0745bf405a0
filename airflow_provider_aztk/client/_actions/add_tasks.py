"""Add tasks to a Batch job, a hundred in a request; each has a result of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests
from airflow_provider_aztk.client._actions.read_cluster import get_cluster
from airflow_provider_aztk.client._actions.waiting import pauses
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._requests import Action, Pause
from airflow_provider_aztk.client.errors import ClusterFailedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

#: How often tasks that met an error of the service are sent, and the longest pause between in seconds.
_TASK_TRIES = 8
_LONGEST_TASK_PAUSE = 15.0


class TaskNotAddedError(ServiceError):
    """A task of a job was not added for good, while others were."""


def add_tasks(job_id: str, tasks: Sequence[Json]) -> Action[list[str]]:
    """Add tasks, and return the ids of those that existed already.

    A task that met an error of the service is sent again, and only that one.

    :raises TaskNotAddedError: naming a task that was refused, or that the service could not add after all tries.
    :raises ServiceError: a whole request was refused.
    :raises ClusterFailedError: the job has ended.
    """
    size = _batch_requests.TASKS_PER_REQUEST
    existed: list[str] = []
    pending = [list(tasks[start : start + size]) for start in range(0, len(tasks), size)]
    rests = pauses(_LONGEST_TASK_PAUSE)
    tries = 1
    while pending:
        group = pending.pop(0)
        try:
            answer = yield from batch.create_tasks(job_id, group)
        except ServiceError as error:
            pending[:0] = yield from _halves(job_id, group, error)
            continue
        results = read_results(group, answer.get("value") or [])
        existed += results.existed
        if results.again:
            if tries >= _TASK_TRIES:
                raise results.failure(tries)
            tries += 1
            yield from Pause(next(rests))
            pending.insert(0, results.again)
    return existed


def _halves(job_id: str, group: list[Json], error: ServiceError) -> Action[list[list[Json]]]:
    """Split a request that was too large; raise what another error means."""
    if error.code in codes.JOB_TAKES_NO_TASKS:
        raise (yield from _job_has_ended(job_id)) from error
    if (error.code != codes.REQUEST_BODY_TOO_LARGE and error.status != 413) or len(group) == 1:
        raise error
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def _job_has_ended(job_id: str) -> Action[ClusterFailedError]:
    """Explain why a job takes no tasks any more: its auto-pool failed, its time is over, somebody ended it."""
    failure = (yield from get_cluster(job_id)).failure
    text = f"cluster {job_id!r} takes no applications: {failure}"
    return ClusterFailedError(text, id=job_id, code=failure.code if failure else None)


@dataclass
class TaskResults:
    """The results of a request, sorted.

    :param existed: ids of tasks that were there already.
    :param again: the tasks that met an error of the service, or have no result: to be sent again.
    :param errors: what the service said of those, by id in lower case.
    """

    existed: list[str] = field(default_factory=list)
    again: list[Json] = field(default_factory=list)
    errors: dict[str, Json] = field(default_factory=dict)

    def failure(self, tries: int) -> TaskNotAddedError:
        """Return what to raise when it is not tried again."""
        name = str(self.again[0]["id"])
        return _error_of(name, self.errors.get(name.lower()) or {}, f" (after {tries} tries)")


def read_results(tasks: Sequence[Json], results: Sequence[Json]) -> TaskResults:
    """Sort the results of a request.

    :param tasks: what was sent.
    :param results: what Azure Batch answered, one for each.
    :raises TaskNotAddedError: naming a task that was refused.
    """
    found = TaskResults()
    by_id = {str(result.get("taskId")).lower(): result for result in results}
    for task in tasks:
        name = str(task["id"])
        result = by_id.get(name.lower(), {})
        status, error = str(result.get("status")).lower(), result.get("error") or {}
        if status == codes.TASK_ADDED:
            continue
        if error.get("code") == codes.TASK_EXISTS:
            found.existed.append(str(result["taskId"]))
        elif status == codes.TASK_REFUSED:
            raise _error_of(name, error)
        else:
            found.again.append(task)
            found.errors[name.lower()] = error
    return found


def _error_of(name: str, error: Json, more: str = "") -> TaskNotAddedError:
    """Return the error of one task, with its name, its code and its values."""
    values = {str(v.get("key")): str(v.get("value")) for v in error.get("values") or []}
    message = str((error.get("message") or {}).get("value", "")).split("\n")[0] or "Azure Batch did not add it"
    return TaskNotAddedError(f"task {name!r}: {message}{more}", code=error.get("code"), values=values)
