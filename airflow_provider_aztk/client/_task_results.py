"""What became of the tasks of one request: each has a result of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]


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

    def failure(self, tries: int) -> ServiceError:
        """Return what to raise when it is not tried again."""
        name = str(self.again[0]["id"])
        return error_of(name, self.errors.get(name.lower()) or {}, f" (after {tries} tries)")


def read(tasks: Sequence[Json], results: Sequence[Json]) -> TaskResults:
    """Sort the results of a request.

    :param tasks: what was sent.
    :param results: what Azure Batch answered, one for each.
    :raises ServiceError: naming a task that was refused.
    """
    found = TaskResults()
    by_id = {str(result.get("taskId")).lower(): result for result in results}
    for task in tasks:
        name = str(task["id"])
        result = by_id.get(name.lower(), {})
        status, error = str(result.get("status")).lower(), result.get("error") or {}
        if status == "success":
            continue
        if error.get("code") == "TaskExists":
            found.existed.append(str(result["taskId"]))
        elif status == "clienterror":
            raise error_of(name, error)
        else:
            found.again.append(task)
            found.errors[name.lower()] = error
    return found


def error_of(name: str, error: Json, more: str = "") -> ServiceError:
    """Return the error of one task, with its name, its code and its values."""
    values = {str(v.get("key")): str(v.get("value")) for v in error.get("values") or []}
    message = str((error.get("message") or {}).get("value", "")).split("\n")[0] or "Azure Batch did not add it"
    return ServiceError(f"task {name!r}: {message}{more}", code=error.get("code"), values=values)
