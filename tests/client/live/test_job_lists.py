"""The jobs of a poll are listed by their ids: what else the account holds is not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from airflow_provider_aztk.client import _naming
from airflow_provider_aztk.client._actions.read_cluster import batch_jobs
from airflow_provider_aztk.client._azure import batch
from tests.client.live.test_refusals import recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.local.testing import LocalStack

__all__ = ["recorded"]

IDS = [f"a-job-with-a-rather-long-name-{number:02}" for number in range(30)]


@pytest.fixture
def jobs(runner: Runner) -> Iterator[list[str]]:
    """Thirty Batch jobs that look like clusters; they have a manager, and wait for a pool that does not exist."""
    metadata = _naming.to_metadata({_naming.MODE: _naming.MODE_CLUSTER})
    manager = {"id": "aztk-master", "commandLine": "true"}
    for id in IDS:
        body = {"id": id, "metadata": metadata, "poolInfo": {"poolId": "none"}, "jobManagerTask": manager}
        runner.run(batch.create_job(body))
    yield IDS
    for id in IDS:
        runner.run(batch.delete_job(id))


def sent(stack: LocalStack) -> list[tuple[str, dict[str, str]]]:
    """Give the operation and the query of each request since the last time."""
    found = []
    for call in stack.admin.requests():
        query = parse_qs(call["query"])
        found.append((call["operation"], {name: values[0] for name, values in query.items()}))
    stack.admin.forget_requests()
    return found


def test_they_are_asked_for_by_their_ids(recorded: LocalStack, runner: Runner, jobs: list[str]) -> None:
    recorded.admin.forget_requests()
    found = runner.run(batch_jobs([jobs[3], jobs[5].upper()]))
    assert {job["id"] for job in found} == {jobs[3], jobs[5]}
    assert all(job["state"] == "active" and "jobManagerTask" not in job for job in found)
    ((operation, query),) = sent(recorded)
    assert operation == "list_jobs"
    assert query["$filter"] == f"id eq '{jobs[3]}' or id eq '{jobs[5].upper()}'"
    assert "jobManagerTask" not in query["$select"]


def test_many_ids_are_several_filters(recorded: LocalStack, runner: Runner, jobs: list[str]) -> None:
    recorded.admin.forget_requests()
    assert {job["id"] for job in runner.run(batch_jobs(jobs))} == set(jobs)
    filters = [query["$filter"] for operation, query in sent(recorded) if operation == "list_jobs"]
    assert len(filters) == 3
    assert all(len(filter) <= 500 for filter in filters)


def test_one_that_is_not_listed_is_asked_for_by_itself(recorded: LocalStack, runner: Runner, jobs: list[str]) -> None:
    recorded.admin.forget_requests()
    assert [job["id"] for job in runner.run(batch_jobs([jobs[0], "nobody"]))] == [jobs[0]]
    assert [operation for operation, _ in sent(recorded)] == ["list_jobs", "get_job"]


def test_a_service_that_takes_no_such_filter_lists_all(recorded: LocalStack, runner: Runner, jobs: list[str]) -> None:
    recorded.admin.http_fault(operation="list_jobs", status=400, code="InvalidQueryParameterValue")
    recorded.admin.forget_requests()
    assert [job["id"] for job in runner.run(batch_jobs([jobs[0]]))] == [jobs[0]]
    assert ["$filter" in query for _, query in sent(recorded)] == [True, False]
