"""The small parts without a server."""

from __future__ import annotations

import ast
import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.local import batch as package
from airflow_provider_aztk.local.batch.common import errors, times
from airflow_provider_aztk.local.batch.execution.addresses import AddressPool
from airflow_provider_aztk.local.batch.services.exit_conditions import End, react
from airflow_provider_aztk.local.batch.services.parse_exit_conditions import parse_exit_conditions
from airflow_provider_aztk.local.batch.services.parse_jobs import parse_job
from airflow_provider_aztk.local.batch.services.parse_pools import parse_pool
from airflow_provider_aztk.local.batch.services.parse_tasks import parse_task
from airflow_provider_aztk.local.batch.store.collection import Collection
from airflow_provider_aztk.local.batch.store.state_machine import StateMachine
from airflow_provider_aztk.local.batch.store.states import TASK_MOVES, IllegalMoveError, TaskState

ROOT = Path(package.__file__).parent


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT15M", 900),
        ("P7D", 604800),
        ("P1DT2H3M4.5S", 93784.5),
        ("PT0.3S", 0.3),
        (times.NO_LIMIT, None),
        ("P1W", 604800),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert times.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "15", "PT5", "P1S", "-PT5M", "PT5M ", "P1DT"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        times.parse_duration(text)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_times_survive_the_journey(when: datetime) -> None:
    assert times.parse_time(times.format_time(when)) == when
    assert times.parse_http(times.format_http(when)) == when.replace(microsecond=0)


def test_times_are_cut_as_the_service_cuts_them() -> None:
    assert times.format_time(datetime(2026, 1, 2, 3, 4, 5, 120000, tzinfo=UTC)) == "2026-01-02T03:04:05.12Z"
    assert times.format_time(datetime(2026, 1, 2, 3, 4, 50, tzinfo=UTC)) == "2026-01-02T03:04:50Z"
    assert times.parse_time("2026-01-02T03:04:05.1234567Z").microsecond == 123456


def test_etags_never_repeat() -> None:
    clock, now = times.EtagClock(), times.utcnow()
    assert len({clock.next(now) for _ in range(100)}) == 100


def test_a_state_cannot_follow_where_it_may_not() -> None:
    machine = StateMachine(TaskState.ACTIVE, TASK_MOVES)
    machine.move(TaskState.RUNNING)
    machine.move(TaskState.COMPLETED)
    with pytest.raises(IllegalMoveError):
        machine.move(TaskState.RUNNING)
    assert (machine.state, machine.previous) == (TaskState.COMPLETED, TaskState.RUNNING)


class Named:
    """Something with an id."""

    def __init__(self, name: str) -> None:
        self.id = name


@given(st.lists(st.text("abAB1-_", min_size=1, max_size=3)), st.text("abAB1-_", max_size=3))
def test_collections_are_sorted_and_case_insensitive(names: list[str], token: str) -> None:
    collection: Collection[Named] = Collection()
    for name in names:
        if name not in collection:
            collection.add(Named(name))
    keys = sorted({name.lower() for name in names})
    assert [record.id.lower() for record in collection] == keys
    assert [record.id.lower() for record in collection.after(token)] == [key for key in keys if key > token.lower()]
    for name in names:
        collection.remove(name.upper())
    assert len(collection) == 0


@pytest.mark.parametrize(
    ("conditions", "end", "exit_code", "expected"),
    [
        ({}, End.EXITED, 0, ("none", True)),
        ({}, End.EXITED, 1, ("terminate", False)),
        ({}, End.NOT_STARTED, None, ("terminate", False)),
        ({"default": {"jobAction": "none"}}, End.EXITED, 1, ("none", False)),
        ({"default": {"jobAction": "none"}}, End.EXITED, 0, ("none", True)),
        ({"default": {"dependencyAction": "satisfy"}}, End.UPLOAD_FAILED, 0, ("terminate", True)),
        ({"fileUploadError": {"jobAction": "disable"}}, End.UPLOAD_FAILED, 0, ("disable", False)),
        (
            {
                "exitCodes": [{"code": 0, "exitOptions": {"jobAction": "terminate"}}],
                "fileUploadError": {"jobAction": "none"},
            },
            End.UPLOAD_FAILED,
            0,
            ("terminate", False),
        ),
        ({"exitCodes": [{"code": 137, "exitOptions": {"jobAction": "none"}}]}, End.STOPPED, 137, ("terminate", False)),
        ({"preProcessingError": {"dependencyAction": "Satisfy"}}, End.NOT_STARTED, None, ("terminate", True)),
    ],
)
def test_reactions(conditions: dict[str, object], end: End, exit_code: int | None, expected: tuple[str, bool]) -> None:
    assert react(parse_exit_conditions(conditions), end, exit_code) == expected


def test_a_job_action_is_refused_where_the_job_obeys_no_exit_conditions() -> None:
    job = parse_job({"id": "j", "poolInfo": {"poolId": "p"}})
    body = {"id": "t", "commandLine": "true", "exitConditions": {"default": {"jobAction": "terminate"}}}
    with pytest.raises(errors.BatchServiceError) as refused:
        parse_task(body, job, None)
    reason = "jobAction cannot be specified when the job's onTaskFailure is noaction."
    assert dict(refused.value.values)["Reason"] == reason


def test_address_pools_never_meet() -> None:
    one, two = AddressPool(), AddressPool()
    try:
        first = {one.take() for _ in range(300)}
        second = {two.take() for _ in range(300)}
        assert len(first) == len(second) == 300
        assert first.isdisjoint(second)
        address = first.pop()
        one.give_back(address)
        assert one.take() != address  # used again last
    finally:
        one.close()
        two.close()


def test_every_error_that_is_raised_is_in_the_catalogue() -> None:
    used = set()
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BatchServiceError"
            if called and node.args and isinstance(node.args[0], ast.Constant):
                used.add(node.args[0].value)
    assert len(used) > 20
    assert used <= set(errors.CATALOGUE)


def test_operations_are_called_as_the_sdk_calls_them() -> None:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.batch.api.routes import ROUTES

    known = {name.removeprefix("begin_") for name in dir(BatchClient)}
    ours = {handler.__name__ for _, path, handler in ROUTES if not path.startswith("/_admin")}
    assert len(ours) > 50
    refused = {"certificates", "job_schedules", "node_agent_skus", "old_operation", "resource_manager"}
    assert ours - known == refused  # whole areas


async def test_a_simulated_command_can_be_killed() -> None:
    from airflow_provider_aztk.local.batch.execution.base import Command
    from airflow_provider_aztk.local.batch.execution.simulated import SimulatedExecutor
    from airflow_provider_aztk.local.batch.store.specs import Simulation

    command = Command(line="", directory=Path(), env={}, simulation=Simulation(seconds=60))
    execution = await SimulatedExecutor().start(command)
    execution.kill()
    async with asyncio.timeout(1):
        assert (await execution.wait()).exit_code == 137


@pytest.mark.parametrize("prop", ["subnetId", "virtualMachineImageId"])
def test_a_subnet_or_image_of_nobody_is_refused(prop: str) -> None:
    """Here without the server, which takes neither from a caller with account keys."""
    nobody = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/x/y/z"
    image = {"virtualMachineImageId": nobody} if prop != "subnetId" else {"publisher": "p", "offer": "o", "sku": "s"}
    pool = {
        "vmSize": "standard_d2s_v5",
        "virtualMachineConfiguration": {"imageReference": image, "nodeAgentSKUId": "batch.node.ubuntu 24.04"},
        "networkConfiguration": {"subnetId": nobody} if prop == "subnetId" else None,
    }
    with pytest.raises(errors.BatchServiceError) as caught:
        parse_pool({name: value for name, value in pool.items() if value is not None})
    assert caught.value.code == "InvalidPropertyValue"
    assert ("PropertyName", prop) in caught.value.values
