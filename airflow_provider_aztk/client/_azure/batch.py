"""Azure Batch over the official SDK: one method for each request, plain REST-shaped dicts in and out.

Retries are azure-core's: 429 and 503 honour Retry-After, connection errors and 5xx are retried for every method,
POST too: each request that changes something is safe to repeat here, since ids are ours and "exists already" and
"is gone already" are understood by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.errors import BATCH, azure_errors
from airflow_provider_aztk.client._names import checked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aztk.client._azure.credentials import Accounts

Json = dict[str, Any]

API_VERSION = "2025-06-01"
CONNECT_TIMEOUT = 10
READ_TIMEOUT = 60
#: Options of every client: time limits, and retries that include POST and PATCH.
RETRIES: Json = {"retry_total": 5, "retry_backoff_factor": 0.5, "retry_backoff_max": 30}
EVERY_METHOD = frozenset({"HEAD", "GET", "PUT", "DELETE", "POST", "PATCH"})


def batch_credential(accounts: Accounts, token: Any) -> Any:
    """Choose between the account key and a token."""
    if accounts.batch_key is None:
        return token
    from azure.core.credentials import AzureNamedKeyCredential

    return AzureNamedKeyCredential(accounts.batch_name, accounts.batch_key)


def client_options() -> Json:
    """Options that the sync and the async client share."""
    return {"api_version": API_VERSION, "connection_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT, **RETRIES}


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
    """Give an SDK model as the JSON that came over the wire."""
    result: Json = model.as_dict()
    return result


class BatchGateway:
    """One Batch account.

    :param accounts: where it is.
    :param token: an azure-identity credential, used when there is no key.
    """

    def __init__(self, accounts: Accounts, token: Any = None) -> None:
        from azure.batch import BatchClient, models

        self._models = models
        self._account = accounts.batch_name
        self._client = BatchClient(accounts.batch_url, batch_credential(accounts, token), **client_options())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _errors(self) -> Any:
        return azure_errors(BATCH, self._account)

    def create_job(self, body: Json) -> None:
        """POST /jobs."""
        with self._errors():
            self._client.create_job(self._models.BatchJobCreateOptions(body), retry_on_methods=EVERY_METHOD)

    def get_job(self, job_id: str, select: list[str] | None = None) -> Json:
        """GET /jobs/{id}."""
        with self._errors():
            return plain(self._client.get_job(checked(job_id), select=select))

    def list_jobs(self, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs, all pages."""
        with self._errors():
            return [plain(job) for job in self._client.list_jobs(select=select, filter=filter)]

    def delete_job(self, job_id: str, *, etag: str | None = None) -> None:
        """DELETE /jobs/{id}: the service ends it, its tasks and its auto-pool."""
        with self._errors():
            request = bare_request("DELETE", f"/jobs/{checked(job_id)}", etag=etag)
            self._client.send_request(request, retry_on_methods=EVERY_METHOD)

    def terminate_job(self, job_id: str, reason: str) -> None:
        """POST /jobs/{id}/terminate."""
        with self._errors():
            request = bare_request("POST", f"/jobs/{checked(job_id)}/terminate", {"terminateReason": reason})
            self._client.send_request(request, retry_on_methods=EVERY_METHOD)

    def create_tasks(self, job_id: str, tasks: list[Json]) -> list[Json]:
        """POST /jobs/{id}/addtaskcollection, at most 100 tasks; gives the result of each."""
        group = self._models.BatchTaskGroup({"value": tasks})
        with self._errors():
            result = self._client.create_task_collection(checked(job_id), group, retry_on_methods=EVERY_METHOD)
        return list(plain(result).get("value") or [])

    def get_task(self, job_id: str, task_id: str) -> Json:
        """GET /jobs/{id}/tasks/{id}."""
        with self._errors():
            return plain(self._client.get_task(checked(job_id), checked(task_id, "name")))

    def list_tasks(self, job_id: str, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs/{id}/tasks, all pages."""
        with self._errors():
            return [plain(task) for task in self._client.list_tasks(checked(job_id), select=select, filter=filter)]

    def terminate_task(self, job_id: str, task_id: str) -> None:
        """POST /jobs/{id}/tasks/{id}/terminate."""
        with self._errors():
            self._client.terminate_task(checked(job_id), checked(task_id, "name"), retry_on_methods=EVERY_METHOD)

    def get_pool(self, pool_id: str) -> Json:
        """GET /pools/{id}."""
        with self._errors():
            return plain(self._client.get_pool(pool_id))

    def list_pools(self, select: list[str] | None = None) -> list[Json]:
        """GET /pools, all pages."""
        with self._errors():
            return [plain(pool) for pool in self._client.list_pools(select=select)]

    def delete_pool(self, pool_id: str) -> None:
        """DELETE /pools/{id}."""
        with self._errors():
            self._client.send_request(bare_request("DELETE", f"/pools/{pool_id}"), retry_on_methods=EVERY_METHOD)

    def list_nodes(self, pool_id: str) -> list[Json]:
        """GET /pools/{id}/nodes, all pages."""
        with self._errors():
            return [plain(node) for node in self._client.list_nodes(pool_id)]

    def get_node(self, pool_id: str, node_id: str) -> Json:
        """GET /pools/{id}/nodes/{id}."""
        with self._errors():
            return plain(self._client.get_node(pool_id, node_id))

    def remote_login(self, pool_id: str, node_id: str) -> Json:
        """GET /pools/{id}/nodes/{id}/remoteloginsettings."""
        with self._errors():
            return plain(self._client.get_node_remote_login_settings(pool_id, node_id))

    def create_node_user(self, pool_id: str, node_id: str, user: Json) -> None:
        """POST /pools/{id}/nodes/{id}/users."""
        options = self._models.BatchNodeUserCreateOptions(user)
        with self._errors():
            self._client.create_node_user(pool_id, node_id, options, retry_on_methods=EVERY_METHOD)

    def replace_node_user(self, pool_id: str, node_id: str, username: str, user: Json) -> None:
        """PUT /pools/{id}/nodes/{id}/users/{name}."""
        options = self._models.BatchNodeUserReplaceOptions(user)
        with self._errors():
            self._client.replace_node_user(pool_id, node_id, username, options)

    def list_images(self, filter: str | None = None) -> list[Json]:
        """GET /supportedimages, all pages."""
        with self._errors():
            return [plain(image) for image in self._client.list_supported_images(filter=filter)]

    def first_job(self) -> None:
        """Ask for one job: the cheapest proof that the credential works."""
        with self._errors():
            next(iter(self._client.list_jobs(max_results=1, select=["id"])), None)


def results_of(tasks: Iterable[Json]) -> dict[str, Json]:
    """Index the results of a task collection by task id."""
    return {str(result["taskId"]): result for result in tasks}
