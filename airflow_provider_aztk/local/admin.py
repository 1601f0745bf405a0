"""A client that injects faults into the local stack, from a test or a notebook. Standard library only."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_aztk.local.admin_entra import EntraOrders
from airflow_provider_aztk.local.admin_orders import Orders
from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign
from airflow_provider_aztk.local.batch.common.times import format_http, utcnow

__all__ = ["AdminClient", "AdminError"]

_TIMEOUT = 60


class AdminError(RuntimeError):
    """The stack refused a request.

    :param status: the HTTP status.
    :param code: the error's code.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


class AdminClient(EntraOrders, Orders):
    """Injects faults into a running local stack and inspects it.

    Patterns are shell patterns; by default they match everything. A fault happens *count* times (default 1, -1: always)
    after *skip* matching events have passed (0 by default). Faults take effect in the order in which they came.

    :param endpoint: ``batch_endpoint`` of the stack.
    :param account: ``batch_account``.
    :param key: ``batch_key``.
    """

    def __init__(self, endpoint: str, account: str, key: str) -> None:
        parts = urlsplit(endpoint)
        self._netloc = parts.netloc
        self._account = account
        self._key = key

    def delays(
        self,
        *,
        allocation: float | None = None,
        boot: float | None = None,
        deletion: float | None = None,
        termination: float | None = None,
    ) -> None:
        """Set how long things take, in seconds; what is left out stays.

        :param allocation: of nodes.
        :param boot: of a node.
        :param deletion: of a pool or job.
        :param termination: of a job, in the state ``terminating``.
        """
        seconds = {"allocation": allocation, "boot": boot, "deletion": deletion, "termination": termination}
        self._inject("PUT", "/delays", **seconds)

    def shuffle(self, *, enabled: bool = True, seed: int | None = None) -> None:
        """Schedule tasks that become ready from now on in random order, or in order again."""
        self._call("PUT", "/shuffle", {"enabled": enabled, "seed": seed})

    def resize_error(
        self,
        *,
        pool: str | None = None,
        code: str | None = None,
        message: str | None = None,
        values: dict[str, str] | None = None,
        dedicated: int | None = None,
        low_priority: int | None = None,
        count: int | None = None,
        skip: int | None = None,
    ) -> None:
        """Make resizes get fewer nodes than requested.

        :param pool: a pattern of ids.
        :param code: of the resize error (``AllocationFailed``); so with *message* and *values*.
        :param dedicated: how many dedicated nodes are allocated all the same (0); so with *low_priority*.
        """
        fault = {"pool": pool, "code": code, "message": message, "values": values}
        nodes = {"dedicated": dedicated, "low_priority": low_priority}
        self._inject("POST", "/resize-errors", **fault, **nodes, count=count, skip=skip)

    def auto_pool_error(
        self,
        *,
        job: str | None = None,
        code: str | None = None,
        message: str | None = None,
        category: str | None = None,
        count: int | None = None,
        skip: int | None = None,
    ) -> None:
        """Make auto-pools fail, so that their job ends with a scheduling error.

        :param job: a pattern of ids.
        :param code: of the scheduling error (``AutoPoolCreationFailedWithQuotaReached``); so with *message*.
        :param category: ``UserError`` (the default) or ``ServerError``.
        """
        fault = {"job": job, "code": code, "message": message, "category": category}
        self._inject("POST", "/auto-pool-errors", **fault, count=count, skip=skip)

    def start_task_failure(
        self,
        *,
        pool: str | None = None,
        exit_code: int | None = None,
        count: int | None = None,
        skip: int | None = None,
    ) -> None:
        """Make start tasks fail without having run.

        :param pool: a pattern of ids.
        :param exit_code: 1 by default.
        """
        self._inject("POST", "/start-task-failures", pool=pool, exit_code=exit_code, count=count, skip=skip)

    def image_failure(
        self,
        *,
        pool: str | None = None,
        image: str | None = None,
        where: str | None = None,
        count: int | None = None,
        skip: int | None = None,
    ) -> None:
        """Make pulls of container images fail.

        :param pool: a pattern of ids; so with *image*.
        :param where: ``node``: while it boots (the default), ``task``: when one starts.
        """
        self._inject("POST", "/image-failures", pool=pool, image=image, where=where, count=count, skip=skip)

    def task_error(
        self,
        *,
        job: str | None = None,
        task: str | None = None,
        status: str | None = None,
        code: str | None = None,
        message: str | None = None,
        after: bool | None = None,
        count: int | None = None,
        skip: int | None = None,
    ) -> None:
        """Make the addition of single tasks of a collection fail, while the others are.

        :param job: a pattern of ids; so with *task*.
        :param status: ``ServerError`` (the default) or ``ClientError``.
        :param code: of the error (``InternalError``); so with *message*.
        :param after: whether the task is added all the same.
        """
        fault = {"job": job, "task": task, "status": status, "code": code, "message": message, "after": after}
        self._inject("POST", "/task-errors", **fault, count=count, skip=skip)

    def http_fault(
        self,
        *,
        operation: str | None = None,
        path: str | None = None,
        kind: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        seconds: float | None = None,
        after: bool | None = None,
        count: int | None = None,
        skip: int | None = None,
    ) -> None:
        """Make requests fail.

        :param operation: a pattern of azure-batch's method names without ``begin_``.
        :param path: a pattern of paths.
        :param kind: ``error`` (the default), ``reset``, ``delay`` or ``truncate``.
        :param status: the HTTP status of an error (503).
        :param code: the error code; by default that of the status.
        :param retry_after: seconds in the ``Retry-After`` header; no header by default.
        :param seconds: the delay before the fault (0).
        :param after: whether the operation happens all the same.
        """
        fault = {"operation": operation, "path": path, "kind": kind, "status": status, "code": code}
        times = {"retry_after": retry_after, "seconds": seconds, "after": after}
        self._inject("POST", "/http-faults", **fault, **times, count=count, skip=skip)

    def clear(self) -> None:
        """Remove all faults and delays."""
        self._call("DELETE", "/faults")

    def preempt(self, pool: str, node: str, *, restore_after: float | None = None) -> None:
        """Take a low-priority node's machine away.

        :param restore_after: seconds until it gets one again; never, if not given.
        """
        self._call("POST", "/preempt", {"pool": pool, "node": node, "restore_after": restore_after})

    def fail_node(self, pool: str, node: str, *, replace: bool = True) -> None:
        """Make a node fail, as when its host is lost.

        :param replace: whether the pool gets another node for it; else it stays, in state ``unknown``.
        """
        self._call("POST", "/fail-node", {"pool": pool, "node": node, "replace": replace})

    def reboot(self, pool: str, node: str) -> None:
        """Restart a node, as the Batch operation of this name does."""
        self._call("POST", f"/pools/{pool}/nodes/{node}/reboot?api-version=2025-06-01", {}, prefix="")

    def state(self) -> dict[str, Any]:
        """Return how many pools, nodes, jobs and tasks there are, and which processes run."""
        return self._call("GET", "/state")

    def record(self, *, enabled: bool = True) -> None:
        """Begin or cease to record requests."""
        self._call("PUT", "/recording", {"enabled": enabled})

    def requests(self) -> list[dict[str, Any]]:
        """Return the recorded requests: operation, method, path, query, headers, body, status."""
        found: list[dict[str, Any]] = self._call("GET", "/requests")["value"]
        return found

    def forget_requests(self) -> None:
        """Forget the recorded requests."""
        self._call("DELETE", "/requests")

    def _inject(self, method: str, path: str, /, **fault: Any) -> None:
        """Send a fault; what is None gets the server's default."""
        self._call(method, path, {name: value for name, value in fault.items() if value is not None})

    def _call(
        self, method: str, path: str, order: dict[str, Any] | None = None, *, prefix: str = "/_admin"
    ) -> dict[str, Any]:
        body = b"" if order is None else json.dumps(order).encode()
        headers = {"ocp-date": format_http(utcnow()), "content-length": str(len(body))}
        if body:
            headers["content-type"] = "application/json"
        signed = {**headers, "content-length": headers["content-length"] if body or method != "GET" else ""}
        text = string_to_sign(self._account, method, prefix + path, signed)
        headers["authorization"] = f"SharedKey {self._account}:{sign(self._key, text)}"
        if not signed["content-length"]:
            del headers["content-length"]
        connection = http.client.HTTPConnection(self._netloc, timeout=_TIMEOUT)
        try:
            connection.request(method, prefix + path, body=body or None, headers=headers)
            response = connection.getresponse()
            answer = json.loads(response.read() or b"{}")
        finally:
            connection.close()
        if response.status >= 300:
            raise AdminError(response.status, answer.get("code", ""), json.dumps(answer))
        assert isinstance(answer, dict)
        return answer
