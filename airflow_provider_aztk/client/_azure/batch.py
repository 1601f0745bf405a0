"""Requests to Azure Batch (learn.microsoft.com/rest/api/batchservice), each described once for sync and async.

What takes and returns JSON here has the names of the REST interface. The gateways send the requests with the official
SDK's client, so with its sign-in, but without its models: those would cost 40 ms of an event loop for a hundred tasks,
plain JSON costs 5; and its long-running operations cost a thread and requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow_provider_aztk.client._naming import checked_id
from airflow_provider_aztk.client._requests import Action, Request

Json = dict[str, Any]
R = TypeVar("R")

API_VERSION = "2025-06-01"
#: Characters of a ``$filter``. No limit is documented; Microsoft's client for .NET keeps its own below this one
#: (``ODATAMonitorControl.ODATAPredicateLimit``).
LONGEST_FILTER = 500


def nothing(response: Any) -> None:
    """Read an answer without a body."""


def json_object(response: Any) -> Json:
    """Read the JSON object of an answer.

    :raises DecodeError: what came is no object.
    """
    from azure.core.exceptions import DecodeError

    found = response.json()
    if not isinstance(found, dict):
        raise DecodeError("the body is no object")
    return found


def page(response: Any) -> tuple[list[Json], str | None]:
    """Read one page of a list: its entries, and the link to the next page.

    :raises DecodeError: what came is no page.
    """
    from azure.core.exceptions import DecodeError

    found = json_object(response)
    if not isinstance(found.get("value"), list):
        raise DecodeError("the body is no page of a list")
    return found["value"], found.get("odata.nextLink")


@dataclass(frozen=True)
class BatchRequest(Request[R]):
    """One request.

    :param path: its path, or the whole link to a further page.
    :param read: reads the answer.
    :param params: further parameters of the query; None in the place of a link's own.
    :param etag: refuse, with 412, what is not of this version any more.
    """

    method: str
    path: str
    read: Callable[[Any], R]
    body: Json | None = field(default=None, repr=False)
    params: Mapping[str, str] | None = field(default_factory=dict)
    etag: str | None = None

    def http(self) -> Any:
        """Build azure-core's ``HttpRequest``."""
        from azure.core.rest import HttpRequest

        headers = {"Accept": "application/json"}
        if self.body is not None:
            headers["Content-Type"] = "application/json; odata=minimalmetadata"
        if self.etag is not None:
            headers["If-Match"] = self.etag
        params = None if self.params is None else {"api-version": API_VERSION, **self.params}
        return HttpRequest(self.method, self.path, params=params, json=self.body, headers=headers)


def _get(path: str) -> BatchRequest[Json]:
    return BatchRequest("GET", path, json_object)


def _list(path: str, *, select: list[str] | None = None, filter: str | None = None) -> Action[list[Json]]:
    options = {"$select": ",".join(select) if select else None, "$filter": filter}
    return list_all(path, {name: value for name, value in options.items() if value})


def list_all(path: str, params: dict[str, str]) -> Action[list[Json]]:
    """Read all pages of a list; a page that breaks is asked for again, and not those before it."""
    request = BatchRequest("GET", path, page, params=params)
    found: list[Json] = []
    while True:
        entries, link = yield from request
        found += entries
        if not link:
            return found
        request = BatchRequest("GET", link, page, params=None)


# -- jobs


def create_job(body: Json) -> BatchRequest[None]:
    """POST /jobs."""
    return BatchRequest("POST", "/jobs", nothing, body)


def get_job(job_id: str) -> BatchRequest[Json]:
    """GET /jobs/{id}."""
    return _get(f"/jobs/{checked_id(job_id)}")


def list_jobs(select: list[str] | None = None, filter: str | None = None) -> Action[list[Json]]:
    """GET /jobs, all pages."""
    return _list("/jobs", select=select, filter=filter)


def id_filters(ids: Iterable[str]) -> list[str]:
    """Return filters that together let these ids through, none longer than the service is known to take.

    See learn.microsoft.com/rest/api/batchservice/odata-filters-in-batch.
    """
    filters: list[str] = []
    for id in ids:
        term = f"id eq '{checked_id(id)}'"
        if filters and len(filters[-1]) + len(term) + 4 <= LONGEST_FILTER:
            filters[-1] += f" or {term}"
        else:
            filters.append(term)
    return filters


def first_job() -> BatchRequest[tuple[list[Json], str | None]]:
    """GET /jobs, one job: the cheapest proof that the credential works."""
    return BatchRequest("GET", "/jobs", page, params={"maxresults": "1", "$select": "id"})


def delete_job(job_id: str, *, etag: str | None = None) -> BatchRequest[None]:
    """DELETE /jobs/{id}: the service ends it, its tasks and its auto-pool."""
    return BatchRequest("DELETE", f"/jobs/{checked_id(job_id)}", nothing, etag=etag)


def terminate_job(job_id: str, reason: str) -> BatchRequest[None]:
    """POST /jobs/{id}/terminate."""
    return BatchRequest("POST", f"/jobs/{checked_id(job_id)}/terminate", nothing, {"terminateReason": reason})


# -- tasks


def create_tasks(job_id: str, tasks: list[Json]) -> BatchRequest[Json]:
    """POST /jobs/{id}/addtaskcollection, at most 100 tasks; ``value`` of the answer has the result of each."""
    return BatchRequest("POST", f"/jobs/{checked_id(job_id)}/addtaskcollection", json_object, {"value": tasks})


def get_task(job_id: str, task_id: str) -> BatchRequest[Json]:
    """GET /jobs/{id}/tasks/{id}."""
    return _get(f"/jobs/{checked_id(job_id)}/tasks/{checked_id(task_id, 'name')}")


def list_tasks(job_id: str, select: list[str] | None = None, filter: str | None = None) -> Action[list[Json]]:
    """GET /jobs/{id}/tasks, all pages."""
    return _list(f"/jobs/{checked_id(job_id)}/tasks", select=select, filter=filter)


def changed_since(moment: datetime) -> str:
    """Return the filter for tasks whose state has changed since a moment."""
    return f"stateTransitionTime ge DateTime'{moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}'"


def terminate_task(job_id: str, task_id: str) -> BatchRequest[None]:
    """POST /jobs/{id}/tasks/{id}/terminate."""
    path = f"/jobs/{checked_id(job_id)}/tasks/{checked_id(task_id, 'name')}/terminate"
    return BatchRequest("POST", path, nothing)


# -- pools and nodes


def get_pool(pool_id: str) -> BatchRequest[Json]:
    """GET /pools/{id}."""
    return _get(f"/pools/{pool_id}")


def list_pools(select: list[str] | None = None) -> Action[list[Json]]:
    """GET /pools, all pages."""
    return _list("/pools", select=select)


def delete_pool(pool_id: str) -> BatchRequest[None]:
    """DELETE /pools/{id}."""
    return BatchRequest("DELETE", f"/pools/{pool_id}", nothing)


def list_nodes(pool_id: str) -> Action[list[Json]]:
    """GET /pools/{id}/nodes, all pages."""
    return _list(f"/pools/{pool_id}/nodes")


def create_node_user(pool_id: str, node_id: str, user: Json) -> BatchRequest[None]:
    """POST /pools/{id}/nodes/{id}/users."""
    return BatchRequest("POST", f"/pools/{pool_id}/nodes/{node_id}/users", nothing, user)


def replace_node_user(pool_id: str, node_id: str, username: str, user: Json) -> BatchRequest[None]:
    """PUT /pools/{id}/nodes/{id}/users/{name}."""
    return BatchRequest("PUT", f"/pools/{pool_id}/nodes/{node_id}/users/{username}", nothing, user)


def list_images() -> Action[list[Json]]:
    """GET /supportedimages, all pages: verified Linux images."""
    return _list("/supportedimages", filter="osType eq 'linux' and verificationType eq 'verified'")
