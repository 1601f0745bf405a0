"""$filter, $select, $skiptoken, maxresults."""

from __future__ import annotations

from collections import namedtuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from azure.batch import models as m
from azure.core.exceptions import HttpResponseError

from airflow_provider_aztk.local.batch.api.listing import select
from airflow_provider_aztk.local.batch.api.odata import ALL, EQUALITY, ORDER, Field, compile_filter
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from tests.local.support import API, eventually, raw, sleeper

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

Thing = namedtuple("Thing", "name count when flag", defaults=(None, None, None, None))
FIELDS = {
    "name": Field(str, ALL, lambda thing: thing.name),
    "info/count": Field(int, ORDER, lambda thing: thing.count),
    "when": Field(datetime, ORDER, lambda thing: thing.when),
    "flag": Field(bool, EQUALITY, lambda thing: thing.flag),
}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
THING = Thing("O'Neil-7", 5, NOON, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'o''neil-7'", True),
        ("name ne 'x'", True),
        ("startswith(name, 'O')", True),
        ("startswith(name,'x')", False),
        ("info/count gt 4 and info/count lt 6", True),
        ("info/count ge 6 or name eq 'x'", False),
        ("NAME EQ 'x' OR (info/count le 5 AND flag eq true)", True),
        ("not (flag eq true)", False),
        ("when ge DateTime'2026-11-22T12:00:00Z'", True),
        ("when gt datetime'2026-11-22T12:00:00.0000000Z'", False),
        ("when lt datetime'2026-11-22T13:30:00+01:00'", True),
        ("when lt 2026-11-22T13:30:00Z", True),
        ("name eq 'x' and name eq 'y' or flag eq true", True),
    ],
)
def test_filters(text: str, expected: bool) -> None:
    predicate = compile_filter(text, FIELDS)
    assert predicate is not None
    assert predicate(THING) is expected


def test_what_is_absent_differs_from_everything_and_compares_with_nothing() -> None:
    for text, expected in (("info/count ne 1", True), ("info/count eq 1", False), ("info/count lt 9", False)):
        predicate = compile_filter(text, FIELDS)
        assert predicate is not None
        assert predicate(Thing()) is expected


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name eq",
        "name like 'x'",
        "name eq 5",
        "name eq 'x",
        "unknown eq 1",
        "flag gt true",
        "startswith(info/count,'1')",
        "startswith(name 'x')",
        "info/count eq '5'",
        "when gt 'noon'",
        "(name eq 'x'",
        "name eq 'x')",
        "name eq 'x' name eq 'y'",
        "(" * 1000 + "name eq 'x'" + ")" * 1000,
    ],
)
def test_filters_that_cannot_be_used(text: str) -> None:
    with pytest.raises(BatchServiceError) as caught:
        compile_filter(text, FIELDS)
    assert caught.value.code == "InvalidQueryParameterValue"


def test_select_takes_members_of_members() -> None:
    body = {"id": "a", "state": "b", "info": {"x": 1, "y": 2}}
    assert select(body, "id, info/y,missing") == {"id": "a", "info": {"y": 2}}
    assert select(body, None) == body


@pytest.mark.wire("documented")
def test_tasks_changed_since(batch: BatchClient, job: str) -> None:
    batch.create_tasks(job, [sleeper("a", 0, 1), sleeper("b", 60)])
    eventually(lambda: batch.get_task(job, "a").state == "completed" and batch.get_task(job, "b").state == "running")
    changed = batch.get_task(job, "a").state_transition_time
    earlier = changed.replace(year=2000).isoformat().replace("+00:00", "Z")
    exactly = changed.isoformat().replace("+00:00", "Z")

    def ids(text: str) -> list[str]:
        return [task.id for task in batch.list_tasks(job, filter=text, select=["id", "state"])]

    assert ids(f"stateTransitionTime gt DateTime'{earlier}'") == ["a", "b"]
    assert "a" not in ids(f"stateTransitionTime gt DateTime'{exactly}'")
    assert ids(f"stateTransitionTime ge DateTime'{exactly}' and state eq 'completed'") == ["a"]
    assert ids("state eq 'running'") == ["b"]
    assert ids("executionInfo/exitCode ne 0 and state eq 'completed'") == ["a"]
    assert ids("executionInfo/result eq 'failure'") == ["a"]
    node = batch.get_task(job, "b").node_info.node_id
    assert ids(f"nodeInfo/nodeId eq '{node}'") == ["a", "b"]
    with pytest.raises(HttpResponseError) as caught:
        ids("commandLine eq 'x'")
    assert caught.value.error.code == "InvalidQueryParameterValue"


@pytest.mark.wire("documented")
def test_pools_jobs_and_nodes_by_filter(batch: BatchClient, job: str) -> None:
    eventually(lambda: [node.id for node in batch.list_nodes(job, filter="state eq 'idle'")])
    assert list(batch.list_nodes(job, filter="state ne 'idle'")) == []
    assert [found.id for found in batch.list_jobs(filter=f"executionInfo/poolId eq '{job}'")] == [job]
    found = batch.list_pools(filter=f"id eq '{job}' and allocationState eq 'steady' and enableAutoScale eq false")
    assert [pool.id for pool in found] == [job]
    with pytest.raises(HttpResponseError):
        list(batch.list_pools(filter="metadata eq 'x'"))


@pytest.mark.wire("recorded")
def test_page_size_is_no_total(batch: BatchClient, job: str) -> None:
    batch.create_tasks(job, [sleeper(f"t{n:02}", 60) for n in range(25)])
    pages = list(batch.list_tasks(job, max_results=10, filter="startswith(id,'t')").by_page())
    sizes = [len(list(page)) for page in pages]
    assert sizes == [10, 10, 5]
    assert [task.id for task in batch.list_tasks(job, max_results=1)] == [f"t{n:02}" for n in range(25)]


@pytest.mark.wire("guessed")
def test_a_task_deleted_between_pages_is_no_matter(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    batch.create_tasks(job, [sleeper(f"t{n}", 60) for n in range(4)])
    first = raw(aztk_local, "GET", f"/jobs/{job}/tasks?{API}&maxresults=2").json
    batch.delete_task(job, "t1")
    batch.delete_task(job, "t2")
    link = first["odata.nextLink"].removeprefix(aztk_local.batch_endpoint)
    assert [task["id"] for task in raw(aztk_local, "GET", link).json["value"]] == ["t3"]


@pytest.mark.parametrize(
    "query", ["maxresults=0", "maxresults=1001", "maxresults=x", "$expand=nodes", "$skiptoken=x", "timeout=x"]
)
def test_parameters_that_cannot_be_used(aztk_local: LocalStack, query: str) -> None:
    reply = raw(aztk_local, "GET", f"/pools?{API}&{query}")
    assert (reply.status, reply.json["code"]) == (400, "InvalidQueryParameterValue")


def test_an_encoded_select(aztk_local: LocalStack, batch: BatchClient, pool: str) -> None:
    reply = raw(aztk_local, "GET", f"/pools/{pool}?{API}&%24select={quote('id,state', safe='')}").json
    assert set(reply) == {"odata.metadata", "id", "state"}


@pytest.mark.wire("documented")
def test_selected_members_through_the_sdk(batch: BatchClient, job: str) -> None:
    (found,) = batch.list_jobs(filter=f"id eq '{job}'", select=["id", "executionInfo"])
    assert found.as_dict().keys() == {"id", "executionInfo"}
    assert isinstance(found, m.BatchJob)
