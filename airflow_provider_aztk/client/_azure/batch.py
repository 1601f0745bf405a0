"""Azure Batch over the official SDK: one method for each request, plain REST-shaped dicts in and out.

Each is tried again as ``retries.py`` has it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.errors import BATCH
from airflow_provider_aztk.client._azure.retries import NO_RETRIES, Retries, retried
from airflow_provider_aztk.client._azure.transport import CONNECT_TIMEOUT, READ_TIMEOUT, WholeAnswerTransport
from airflow_provider_aztk.client._naming import checked

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client._azure.credentials import Accounts

Json = dict[str, Any]
T = TypeVar("T")

API_VERSION = "2025-06-01"


def batch_credential(accounts: Accounts, token: Any) -> Any:
    """Choose between the account key and a token."""
    if accounts.batch_key is None:
        return token
    from azure.core.credentials import AzureNamedKeyCredential

    return AzureNamedKeyCredential(accounts.batch_name, accounts.batch_key)


def client_options(accounts: Accounts) -> Json:
    """Options that the sync and the async client share."""
    limits = {"connection_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT}
    return {"api_version": API_VERSION, "credential_scopes": [accounts.batch_scope], **limits, **NO_RETRIES}


def bare_request(method: str, path: str, body: Json | None = None, *, etag: str | None = None) -> Any:
    """Build a request that the SDK has only as a long-running operation, whose poller costs a thread and requests.

    :param etag: refuse, with 412, what is not of this version any more.
    """
    from azure.core.rest import HttpRequest

    headers = {"Content-Type": "application/json; odata=minimalmetadata"} if body is not None else {}
    if etag is not None:
        headers["If-Match"] = etag
    return HttpRequest(method, path, params={"api-version": API_VERSION}, json=body, headers=headers)


def list_request(path: str, select: list[str] | None, filter: str | None) -> Any:
    """Build the request for the first page of a list, to be read without the SDK's models."""
    from azure.core.rest import HttpRequest

    options = {"$select": ",".join(select) if select else None, "$filter": filter}
    params = {"api-version": API_VERSION, **{name: value for name, value in options.items() if value}}
    return HttpRequest("GET", path, params=params, headers={"Accept": "application/json"})


def next_request(link: str) -> Any:
    """Build the request for a further page: the service's link as it is."""
    from azure.core.rest import HttpRequest

    return HttpRequest("GET", link, headers={"Accept": "application/json"})


def plain(model: Any) -> Json:
    """Return an SDK model as the JSON that came over the wire.

    :raises DecodeError: what came is no object.
    """
    from azure.core.exceptions import DecodeError

    if not hasattr(model, "as_dict"):
        raise DecodeError("the body is no object")
    result: Json = model.as_dict()
    return result


def page_of(response: Any) -> tuple[list[Json], str | None]:
    """Read one page of a list: its entries, and the link to the next page.

    :raises DecodeError: what came is no page.
    """
    from azure.core.exceptions import DecodeError

    response.raise_for_status()
    page = response.json()
    if not isinstance(page, dict) or not isinstance(page.get("value"), list):
        raise DecodeError("the body is no page of a list")
    return page["value"], page.get("odata.nextLink")


class BatchGateway:
    """One Batch account.

    :param accounts: where it is.
    :param token: an azure-identity credential, used when there is no key.
    :param clock: hears the service's time.
    :param retries: how patient to be.
    """

    def __init__(
        self, accounts: Accounts, token: Any = None, clock: ServiceClock | None = None, retries: Retries | None = None
    ) -> None:
        from azure.batch import BatchClient, models

        self._models = models
        self._account = accounts.batch_name
        self._retries = retries or Retries()
        transport = WholeAnswerTransport(accounts.batch_url, clock or ServiceClock())
        options = {"transport": transport, **client_options(accounts)}
        self._client = BatchClient(accounts.batch_url, batch_credential(accounts, token), **options)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _run(self, request: Callable[[], T]) -> T:
        return retried(BATCH, self._account, self._retries, request)

    def _change(self, request: Any) -> None:
        def send() -> None:
            self._client.send_request(request).raise_for_status()

        self._run(send)

    def _list(self, path: str, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """Read all pages of a list; a page that breaks is asked for again, and not those before it."""
        found: list[Json] = []
        request = list_request(path, select, filter)
        while True:
            page, link = self._run(partial(self._page, request))
            found += page
            if not link:
                return found
            request = next_request(link)

    def _page(self, request: Any) -> tuple[list[Json], str | None]:
        return page_of(self._client.send_request(request))

    def create_job(self, body: Json) -> None:
        """POST /jobs."""
        options = self._models.BatchJobCreateOptions(body)
        self._run(lambda: self._client.create_job(options))

    def get_job(self, job_id: str, select: list[str] | None = None) -> Json:
        """GET /jobs/{id}."""
        return self._run(lambda: plain(self._client.get_job(checked(job_id), select=select)))

    def list_jobs(self, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs, all pages."""
        return self._list("/jobs", select, filter)

    def delete_job(self, job_id: str, *, etag: str | None = None) -> None:
        """DELETE /jobs/{id}: the service ends it, its tasks and its auto-pool."""
        self._change(bare_request("DELETE", f"/jobs/{checked(job_id)}", etag=etag))

    def terminate_job(self, job_id: str, reason: str) -> None:
        """POST /jobs/{id}/terminate."""
        self._change(bare_request("POST", f"/jobs/{checked(job_id)}/terminate", {"terminateReason": reason}))

    def create_tasks(self, job_id: str, tasks: list[Json]) -> list[Json]:
        """POST /jobs/{id}/addtaskcollection, at most 100 tasks; gives the result of each."""
        group = self._models.BatchTaskGroup({"value": tasks})
        result = self._run(lambda: plain(self._client.create_task_collection(checked(job_id), group)))
        return list(result.get("value") or [])

    def get_task(self, job_id: str, task_id: str) -> Json:
        """GET /jobs/{id}/tasks/{id}."""
        return self._run(lambda: plain(self._client.get_task(checked(job_id), checked(task_id, "name"))))

    def list_tasks(self, job_id: str, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs/{id}/tasks, all pages."""
        return self._list(f"/jobs/{checked(job_id)}/tasks", select, filter)

    def terminate_task(self, job_id: str, task_id: str) -> None:
        """POST /jobs/{id}/tasks/{id}/terminate."""
        self._run(lambda: self._client.terminate_task(checked(job_id), checked(task_id, "name")))

    def get_pool(self, pool_id: str) -> Json:
        """GET /pools/{id}."""
        return self._run(lambda: plain(self._client.get_pool(pool_id)))

    def list_pools(self, select: list[str] | None = None) -> list[Json]:
        """GET /pools, all pages."""
        return self._list("/pools", select)

    def delete_pool(self, pool_id: str) -> None:
        """DELETE /pools/{id}."""
        self._change(bare_request("DELETE", f"/pools/{pool_id}"))

    def list_nodes(self, pool_id: str) -> list[Json]:
        """GET /pools/{id}/nodes, all pages."""
        return self._list(f"/pools/{pool_id}/nodes")

    def get_node(self, pool_id: str, node_id: str) -> Json:
        """GET /pools/{id}/nodes/{id}."""
        return self._run(lambda: plain(self._client.get_node(pool_id, node_id)))

    def remote_login(self, pool_id: str, node_id: str) -> Json:
        """GET /pools/{id}/nodes/{id}/remoteloginsettings."""
        return self._run(lambda: plain(self._client.get_node_remote_login_settings(pool_id, node_id)))

    def create_node_user(self, pool_id: str, node_id: str, user: Json) -> None:
        """POST /pools/{id}/nodes/{id}/users."""
        options = self._models.BatchNodeUserCreateOptions(user)
        self._run(lambda: self._client.create_node_user(pool_id, node_id, options))

    def replace_node_user(self, pool_id: str, node_id: str, username: str, user: Json) -> None:
        """PUT /pools/{id}/nodes/{id}/users/{name}."""
        options = self._models.BatchNodeUserReplaceOptions(user)
        self._run(lambda: self._client.replace_node_user(pool_id, node_id, username, options))

    def list_images(self, filter: str | None = None) -> list[Json]:
        """GET /supportedimages, all pages."""
        return self._list("/supportedimages", filter=filter)

    def first_job(self) -> None:
        """Ask for one job: the cheapest proof that the credential works."""
        self._run(lambda: next(iter(self._client.list_jobs(max_results=1, select=["id"])), None))
