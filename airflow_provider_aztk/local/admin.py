"""Ordering trouble from the local stack, from a test or a notebook. Standard library only."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign
from airflow_provider_aztk.local.batch.common.times import format_http, utcnow

__all__ = ["AdminClient", "AdminError"]

_TIMEOUT = 60


class AdminError(RuntimeError):
    """The stack refused an order.

    :param status: the HTTP status.
    :param code: the error's code.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


class AdminClient:
    """Orders trouble and looks inside a running local stack.

    Patterns (``pool``, ``job``, ``image``, ``path``) are shell patterns. A ``count`` of -1 means always; ``skip``
    lets that many matching events pass first. Orders are met in the order of their coming.

    :param endpoint: ``batch_endpoint`` of the stack.
    :param account: ``batch_account``.
    :param key: ``batch_key``.
    """

    def __init__(self, endpoint: str, account: str, key: str) -> None:
        parts = urlsplit(endpoint)
        self._netloc = parts.netloc
        self._account = account
        self._key = key

    def delays(self, **seconds: float) -> None:
        """Set how long things take, in seconds: ``allocation`` of nodes, ``boot`` of a node, ``deletion``."""
        self._call("PUT", "/delays", seconds)

    def shuffle(self, *, enabled: bool = True, seed: int | None = None) -> None:
        """Schedule tasks that become ready from now on in random order, or in order again."""
        self._call("PUT", "/shuffle", {"enabled": enabled, "seed": seed})

    def resize_error(self, **order: Any) -> None:
        """Let resizes fall short.

        :param order: ``pool``, ``code``, ``message``, ``values``, and how many nodes of each kind come all the same:
            ``dedicated``, ``low_priority``; ``count``, ``skip``.
        """
        self._call("POST", "/resize-errors", order)

    def auto_pool_error(self, **order: Any) -> None:
        """Let auto-pools fail, so that their job ends with a scheduling error.

        :param order: ``job``, ``code``, ``message``, ``category``; ``count``, ``skip``.
        """
        self._call("POST", "/auto-pool-errors", order)

    def start_task_failure(self, **order: Any) -> None:
        """Let start tasks fail without having run.

        :param order: ``pool``, ``exit_code``; ``count``, ``skip``.
        """
        self._call("POST", "/start-task-failures", order)

    def image_failure(self, **order: Any) -> None:
        """Let images be impossible to pull.

        :param order: ``pool``, ``image``, ``where`` (``node``: while it boots, ``task``: when one starts); ``count``,
            ``skip``.
        """
        self._call("POST", "/image-failures", order)

    def task_error(self, **order: Any) -> None:
        """Let single tasks of a collection fail to be added, while the others are.

        :param order: ``job``, ``task`` (patterns), ``status`` (``ServerError`` or ``ClientError``), ``code``,
            ``message``, ``after`` (the task is added all the same); ``count``, ``skip``.
        """
        self._call("POST", "/task-errors", order)

    def http_fault(self, **order: Any) -> None:
        """Let requests fail.

        :param order: ``operation`` (the azure-batch method's name without ``begin_``; a pattern), ``path`` (a
            pattern), ``kind`` (``error``, ``reset``, ``delay``, ``truncate``), ``status``, ``code``, ``retry_after``,
            ``seconds`` of delay, ``after`` (the operation happens all the same); ``count``, ``skip``.
        """
        self._call("POST", "/http-faults", order)

    def clear(self) -> None:
        """Take back all orders and delays."""
        self._call("DELETE", "/faults")

    def preempt(self, pool: str, node: str, *, restore_after: float | None = None) -> None:
        """Take a low-priority node's machine away.

        :param restore_after: seconds until it gets one again; never, if not given.
        """
        self._call("POST", "/preempt", {"pool": pool, "node": node, "restore_after": restore_after})

    def fail_node(self, pool: str, node: str, *, replace: bool = True) -> None:
        """Let the machine of a node disappear.

        :param replace: whether the pool gets another node for it; else it stays, in state ``unknown``.
        """
        self._call("POST", "/fail-node", {"pool": pool, "node": node, "replace": replace})

    def reboot(self, pool: str, node: str) -> None:
        """Let a node restart, as the Batch operation of this name does."""
        self._call("POST", f"/pools/{pool}/nodes/{node}/reboot?api-version=2025-06-01", {}, prefix="")

    def state(self) -> dict[str, Any]:
        """Tell how many pools, nodes, jobs and tasks there are, and which processes run."""
        return self._call("GET", "/state")

    def record(self, *, enabled: bool = True) -> None:
        """Begin or cease to record requests."""
        self._call("PUT", "/recording", {"enabled": enabled})

    def requests(self) -> list[dict[str, Any]]:
        """Tell the recorded requests: operation, method, path, query, headers, body, status."""
        found: list[dict[str, Any]] = self._call("GET", "/requests")["value"]
        return found

    def forget_requests(self) -> None:
        """Forget the recorded requests."""
        self._call("DELETE", "/requests")

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
