"""Read Spark's own web pages: the master's list of workers and applications, a driver's id and requests."""

from __future__ import annotations

import http.client
import json
import urllib.request
from dataclasses import dataclass
from typing import Any, FrozenSet, Mapping, Optional, Tuple

__all__ = [
    "ExecutorRequest",
    "MasterView",
    "WaitingApplication",
    "WorkerView",
    "driver_application_ids",
    "executor_request",
    "master_view",
    "read_master",
]

TIMEOUT = 5.0
MOST_BYTES = 32 * 1024 * 1024
# No proxy: these addresses are inside the cluster.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class WorkerView:
    """One worker as the master sees it."""

    host: str
    port: int
    alive: bool
    cores: int
    memory_mb: int = 0


@dataclass(frozen=True)
class WaitingApplication:
    """An application that waits for its first executor, as the master sees it."""

    id: str
    memory_mb: int


@dataclass(frozen=True)
class ExecutorRequest:
    """What a driver asks of executors, as far as only the driver knows it.

    :param cores: of one executor; 0 where any number will do
    :param max_cores: of all its executors together; 0 for no limit
    """

    cores: int = 0
    max_cores: int = 0


@dataclass(frozen=True)
class MasterView:
    """The state that a master reports on its page."""

    status: str
    workers: Tuple[WorkerView, ...]
    applications: FrozenSet[str]
    waiting: Tuple[WaitingApplication, ...] = ()

    @property
    def alive(self) -> bool:
        """Return whether the master serves; a recovering one does not yet."""
        return self.status == "ALIVE"

    @property
    def live_workers(self) -> int:
        """Count the workers that the master can use."""
        return sum(worker.alive for worker in self.workers)

    @property
    def cores(self) -> int:
        """Count the cores of live workers."""
        return sum(worker.cores for worker in self.workers if worker.alive)

    def has_worker(self, host: str, port: int) -> bool:
        """Return whether this worker is known and alive."""
        return any(worker.alive and (worker.host, worker.port) == (host, port) for worker in self.workers)

    def knows_worker(self, host: str, port: int) -> bool:
        """Return whether this worker has registered, alive or dead."""
        return any((worker.host, worker.port) == (host, port) for worker in self.workers)


def master_view(document: Mapping[str, Any]) -> MasterView:
    """Return the master's state from its ``/json/`` page."""
    return MasterView(
        status=str(document.get("status", "")),
        workers=tuple(
            WorkerView(
                str(item["host"]),
                int(item["port"]),
                item.get("state") == "ALIVE",
                int(item.get("cores", 0)),
                int(item.get("memory", 0)),
            )
            for item in document.get("workers") or []
        ),
        applications=frozenset(str(item["id"]) for item in document.get("activeapps") or []),
        waiting=tuple(
            WaitingApplication(str(item["id"]), int(item.get("memoryperexecutor") or item.get("memoryperslave") or 0))
            for item in document.get("activeapps") or []
            if item.get("state") == "WAITING" and not item.get("cores")
        ),
    )


def read_master(host: str, web_port: int, timeout: float = TIMEOUT) -> Optional[MasterView]:
    """Return the state of a master; None if it does not answer, or not with its page."""
    document = _get_json(f"http://{host}:{web_port}/json/", timeout)
    try:
        return master_view(document) if isinstance(document, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def driver_application_ids(host: str, port: int, timeout: float = TIMEOUT) -> FrozenSet[str]:
    """Return the ids under which a driver is registered, from its own page; none without a Spark context."""
    document = _get_json(f"http://{host}:{port}/api/v1/applications", timeout)
    if not isinstance(document, list):
        return frozenset()
    return frozenset(str(item["id"]) for item in document if isinstance(item, dict) and "id" in item)


def executor_request(host: str, port: int, application_id: str, timeout: float = TIMEOUT) -> ExecutorRequest:
    """Return the cores that a driver asks for, from its own page; none where the page does not show them."""
    document = _get_json(f"http://{host}:{port}/api/v1/applications/{application_id}/environment", timeout)
    pairs = document.get("sparkProperties") if isinstance(document, dict) else None
    try:
        values = dict(pairs or ())
        return ExecutorRequest(int(values.get("spark.executor.cores") or 0), int(values.get("spark.cores.max") or 0))
    except (TypeError, ValueError):
        return ExecutorRequest()


def _get_json(url: str, timeout: float) -> Any:
    try:
        with _OPENER.open(url, timeout=timeout) as response:
            return json.loads(response.read(MOST_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None
