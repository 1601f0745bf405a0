"""One task of a request meets an error of the service: only that one is sent again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._actions.add_tasks import add_tasks
from airflow_provider_aztk.client._azure import batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.local.testing import LocalStack


@pytest.fixture
def job(runner: Runner) -> Iterator[str]:
    """A Batch job without a pool: its tasks wait."""
    runner.run(batch.create_job({"id": "task-errors", "poolInfo": {"poolId": "none"}}))
    yield "task-errors"
    runner.run(batch.delete_job("task-errors"))


def tasks(count: int) -> list[dict[str, Any]]:
    return [{"id": f"t{index}", "commandLine": "true"} for index in range(count)]


def sent(stack: LocalStack) -> list[list[str]]:
    """Tell the ids of each request."""
    found = [call for call in stack.admin.requests() if call["operation"] == "create_task_collection"]
    return [[task["id"] for task in json.loads(call["body"])["value"]] for call in found]


@pytest.fixture
def recorded(stack: LocalStack) -> Iterator[LocalStack]:
    stack.admin.record()
    stack.admin.forget_requests()
    yield stack
    stack.admin.record(enabled=False)


def test_only_the_task_that_met_an_error_is_sent_again(recorded: LocalStack, runner: Runner, job: str) -> None:
    recorded.admin.task_error(task="t1", count=2)
    assert runner.run(add_tasks(job, tasks(3))) == []
    assert sent(recorded) == [["t0", "t1", "t2"], ["t1"], ["t1"]]
    assert {task["id"] for task in runner.run(batch.list_tasks(job))} == {"t0", "t1", "t2"}


def test_a_task_that_was_added_all_the_same_is_no_error(recorded: LocalStack, runner: Runner, job: str) -> None:
    recorded.admin.task_error(task="t1", after=True)
    assert runner.run(add_tasks(job, tasks(3))) == ["t1"]
    assert len(runner.run(batch.list_tasks(job))) == 3


def test_a_refused_task_is_named_with_what_the_service_says(recorded: LocalStack, runner: Runner, job: str) -> None:
    recorded.admin.task_error(task="t2", status="ClientError", code="InvalidPropertyValue", message="too long")
    with pytest.raises(errors.ServiceError, match=r"'t2'.*too long") as error:
        runner.run(add_tasks(job, tasks(3)))
    assert error.value.code == "InvalidPropertyValue"
    assert len(sent(recorded)) == 1


@pytest.mark.slow
def test_it_ends_where_the_error_stays(recorded: LocalStack, runner: Runner, job: str) -> None:
    recorded.admin.task_error(task="t1", count=-1)
    with pytest.raises(errors.ServiceError, match=r"'t1'.*8 tries"):
        runner.run(add_tasks(job, tasks(3)))
    assert sent(recorded) == [["t0", "t1", "t2"], *[["t1"]] * 7]
