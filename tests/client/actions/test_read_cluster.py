"""Clusters are read while they change, and the log of a master that has failed must not get in the way."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._actions.read_cluster import master_log, view_cluster
from airflow_provider_aztk.client._azure.batch import BatchRequest
from tests.support.performing import perform

FAILED = {"id": "c", "state": "completed", "executionInfo": {"terminateReason": "JMComplete"}}
STOPPED = {"id": "c", "state": "completed", "executionInfo": {"terminateReason": "Stopped on request"}}


class Storage:
    """Returns a log, or refuses; counts."""

    def __init__(self, found: Any) -> None:
        self.found = found
        self.reads = 0

    def answer(self, request: Any) -> Any:
        self.reads += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("found", "log"),
    [
        (b"no such package\n", b"no such package\n"),
        (None, None),
        (errors.ServiceError("not authorized", status=403), None),
        (errors.ConnectionFailedError("cut"), None),
    ],
)
def test_a_masters_log_is_read_as_far_as_it_can_be(kind: str, found: Any, log: bytes | None) -> None:
    assert perform(kind, master_log(FAILED), Storage(found).answer) == log


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_nothing_is_read_where_the_master_did_not_end_the_job(kind: str) -> None:
    storage = Storage(b"old")
    assert perform(kind, master_log(STOPPED), storage.answer) is None
    assert storage.reads == 0


ACTIVE: dict[str, Any] = {
    "id": "j",
    "state": "active",
    "creationTime": "2026-01-01T00:00:00Z",
    "executionInfo": {"poolId": "P"},
    "metadata": [{"name": "aztk_mode", "value": "job"}],
}
MISSING = errors.ServiceError("no such pool", status=404)


@pytest.mark.parametrize("pool", [MISSING, {"id": "P", "state": "deleting"}])
@pytest.mark.parametrize(
    ("job", "code"),
    [
        ({**ACTIVE, "state": "completed"}, "JobEnded"),
        (errors.ServiceError("no such job", status=404), "JobEnded"),
        (ACTIVE, None),
    ],
)
def test_a_pool_that_went_with_its_job_is_no_failure_of_its_own(pool: Any, job: Any, code: str | None) -> None:
    def answer(request: Any) -> Any:
        if not isinstance(request, BatchRequest):
            return None
        found = {"/jobs/j": job, "/pools/P": pool, "/pools/P/nodes": ([], None)}.get(request.path, ACTIVE)
        if isinstance(found, Exception):
            raise found
        return found

    cluster = perform("sync", view_cluster(ACTIVE, ()), answer)
    assert cluster.failure is not None
    assert cluster.failure.code == (code or ("PoolMissing" if pool is MISSING else "PoolBeingDeleted"))
