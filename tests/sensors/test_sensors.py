"""Sensors: the same in every mode, what they refuse, and which errors they endure."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client._job_snapshot import take_snapshots
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.sensors.application import AztkApplicationSensor
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor
from airflow_provider_aztk.sensors.job import AztkJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_aztk.client import JobSnapshot
    from airflow_provider_aztk.sensors.base import AztkSensor


MODES: dict[str, dict[str, Any]] = {
    "poke": {"deferrable": False},
    "reschedule": {"deferrable": False, "mode": "reschedule"},
    "deferred": {"deferrable": True},
}
GOOD: dict[type[AztkSensor], dict[str, Any]] = {
    AztkClusterSensor: {"cluster_id": "x"},
    AztkJobSensor: {"job_id": "x"},
    AztkApplicationSensor: {"cluster_id": "x", "application_name": "a"},
}


class Account:
    """Stands in the place of the hook and of its client: one job, its tasks, and errors before them."""

    def __init__(self, *failures: Exception, job: dict[str, Any] | None = None, **tasks: str) -> None:
        self.secrets = SimpleNamespace(shared_key=None)  # signed in by Entra ID
        self.failures = list(failures)
        self.asked = 0
        self.job = {"id": "x", "state": "active", **(job or {})}
        self.tasks = [
            {"id": id, "state": state, "executionInfo": {"exitCode": 0} if state == "completed" else {}}
            for id, state in tasks.items()
        ]

    async def get_async_client(self) -> Account:
        return self

    async def __aenter__(self) -> Account:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def batch_jobs(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return [self.job]

    async def batch_tasks(self, job_id: str) -> list[dict[str, Any]]:
        return self.tasks

    async def get_snapshots(self, ids: Iterable[str]) -> dict[str, JobSnapshot]:
        return await take_snapshots(self, ids)  # type: ignore[arg-type]


def make(cls: type[AztkSensor], account: Account | None = None, **kwargs: Any) -> AztkSensor:
    """Make a sensor of a DAG."""
    with DAG("etl", schedule=None):
        sensor = cls(task_id="wait", **{**GOOD[cls], **kwargs})
    sensor.hook = account or Account()  # type: ignore[assignment]
    return sensor


def deferred(sensor: AztkSensor, context: Any) -> TaskDeferred:
    """Execute a sensor until it defers."""
    with pytest.raises(TaskDeferred) as raised:
        sensor.execute(context)
    return raised.value


# -- ids --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [None, "", "None", [], [None], ["b", 7], 7, {"a": 1}, b"a", "a/b", ["b", ""]])
@pytest.mark.parametrize(
    ("cls", "field"),
    [
        (AztkClusterSensor, "cluster_id"),
        (AztkJobSensor, "job_id"),
        (AztkApplicationSensor, "cluster_id"),
        (AztkApplicationSensor, "application_name"),
    ],
)
def test_what_cannot_be_waited_for_is_refused_in_every_mode(
    cls: type[AztkSensor], field: str, value: Any, mode: str, make_context: Callable[..., Any]
) -> None:
    sensor = make(cls, **MODES[mode], soft_fail=True)
    setattr(sensor, field, value)  # as rendering does
    with pytest.raises(AirflowFailException, match=rf"{field}(\[\d\])?=.+: (give|use) "):
        sensor.execute(make_context())
    with pytest.raises(AirflowFailException, match=field):
        sensor.poke(make_context())
    assert sensor.hook.asked == 0  # type: ignore[attr-defined]


def test_an_application_sensor_waits_on_one_cluster(make_context: Callable[..., Any]) -> None:
    with pytest.raises(AirflowFailException, match=r"cluster_id=\['x'\]: give the id of one cluster"):
        make(AztkApplicationSensor, cluster_id=["x"]).execute(make_context())


@pytest.mark.parametrize("value", ["x", ["x", "y"], ("x", "y")])
def test_one_id_or_several_travel_as_a_list(value: Any, make_context: Callable[..., Any]) -> None:
    trigger = deferred(
        make(AztkClusterSensor, cluster_id=value, missing_ok=True, deferrable=True), make_context()
    ).trigger
    assert trigger.serialize()[1]["cluster_ids"] == ([value] if isinstance(value, str) else list(value))


# -- intervals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", GOOD)
@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ({"poke_interval": 5}, 5.0),
        ({"poll_interval": 5.5}, 5.5),
        ({"poke_interval": timedelta(minutes=1)}, 60.0),
        ({"poll_interval": timedelta(minutes=1)}, 60.0),
        ({}, 17.0),
    ],
)
def test_the_interval(
    cls: type[AztkSensor],
    arguments: dict[str, Any],
    seconds: float,
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__AZTK__POLL_INTERVAL", "17")
    sensor = make(cls, deferrable=True, **arguments)
    assert sensor.poke_interval == seconds
    kwargs = deferred(sensor, make_context()).trigger.serialize()[1]
    assert json.loads(json.dumps(kwargs)) == kwargs
    assert kwargs["poll_interval"] == seconds


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "30", True, timedelta(0)])
@pytest.mark.parametrize("name", ["poke_interval", "poll_interval"])
def test_an_interval_that_cannot_be_kept_is_refused_while_the_dag_is_parsed(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name}=.+: give a number of seconds or a timedelta, greater than 0"):
        make(AztkClusterSensor, **{name: value})


def test_two_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="poll_interval=5: poke_interval is given as well"):
        make(AztkClusterSensor, poke_interval=5, poll_interval=5)


# -- time limits ------------------------------------------------------------------------------------------------------


def test_a_deferred_sensor_keeps_its_execution_timeout(make_context: Callable[..., Any]) -> None:
    context = make_context()
    context["ti"].start_date = datetime.fromtimestamp(1000, UTC)
    sensor = make(AztkJobSensor, deferrable=True, execution_timeout=timedelta(minutes=1), timeout=7200)
    found = deferred(sensor, context)
    assert found.trigger.serialize()[1]["deadline"] == 1060.0
    assert found.timeout == timedelta(hours=2), "Airflow's own limit stays Airflow's"
    event = {"status": "timeout", "message": "the time for this task is over", "code": None, "ids": ["x"], "remote": {}}
    with pytest.raises(AirflowTaskTimeout, match="the time for this task is over: 0:01:00"):
        sensor.resume_execution("execute_complete", {"event": event}, context)
    sensor.soft_fail = True
    with pytest.raises(AirflowSkipException, match="soft_fail"):
        sensor.resume_execution("execute_complete", {"event": event}, context)


def test_the_event_of_an_earlier_try_is_not_taken_for_ones_own(make_context: Callable[..., Any]) -> None:
    old = make(AztkApplicationSensor, deferrable=True, application_name="old", execution_timeout=timedelta(hours=1))
    new = make(AztkApplicationSensor, deferrable=True, application_name="new", execution_timeout=timedelta(hours=1))
    stale, own = (deferred(sensor, make_context()).trigger.serialize()[1]["remote"] for sensor in (old, new))
    event = {"status": "failed", "message": "old failed", "code": "1", "ids": ["x"], "result": {"applications": []}}
    with pytest.raises(TaskDeferred) as again:
        new.execute_complete(make_context(), {**event, "remote": stale})
    assert again.value.trigger.serialize()[1]["application_names"] == ["new"]
    with pytest.raises(AirflowFailException, match="old failed"):
        new.execute_complete(make_context(), {**event, "remote": json.loads(json.dumps(own))})


def test_a_deferred_sensor_without_execution_timeout_has_no_deadline(make_context: Callable[..., Any]) -> None:
    found = deferred(make(AztkJobSensor, deferrable=True), make_context())
    assert found.trigger.serialize()[1]["deadline"] is None


# -- what is found ----------------------------------------------------------------------------------------------------


def test_all_applications_are_at_least_one(make_context: Callable[..., Any]) -> None:
    none = make(AztkApplicationSensor, Account(), application_name=None)
    assert not none.poke(make_context())
    some = make(AztkApplicationSensor, Account(a="completed"), application_name=None)
    assert some.poke(make_context())


def test_a_cluster_that_failed_without_applications_fails_the_wait_for_all(make_context: Callable[..., Any]) -> None:
    error = {"category": "userError", "code": "AutoPoolCreationFailed", "message": "no such image"}
    account = Account(job={"state": "completed", "executionInfo": {"schedulingError": error}})
    with pytest.raises(AirflowFailException, match="no such image"):
        make(AztkApplicationSensor, account, application_name=None).poke(make_context())


def test_names_of_applications_are_found_in_any_case(make_context: Callable[..., Any]) -> None:
    found: Any = make(AztkApplicationSensor, Account(Pi="completed"), application_name="pi").poke(make_context())
    assert found.xcom_value[0]["outcome"] == "success"


# -- errors of the service --------------------------------------------------------------------------------------------

PASSING = [
    errors.ThrottledError("busy", status=429),
    errors.ThrottledError("busy", status=503),
    errors.ServiceError("trouble", status=500),
    errors.ServiceError("slow", status=408),
    errors.ConnectionFailedError("cut"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_an_error_that_passes_is_endured(error: Exception, make_context: Callable[..., Any]) -> None:
    account = Account(error, a="completed")
    sensor = make(AztkApplicationSensor, account, poke_interval=0.001, deferrable=False)
    assert sensor.execute(make_context())[0]["outcome"] == "success"
    assert account.asked == 2


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_an_error_that_passes_is_endured_by_a_sensor_that_is_rescheduled(
    error: Exception, make_context: Callable[..., Any]
) -> None:
    context = make_context()
    context["ti"] = SimpleNamespace(get_first_reschedule_date=lambda _: None)
    with pytest.raises(AirflowRescheduleException):
        make(AztkApplicationSensor, Account(error), **MODES["reschedule"]).execute(context)


@pytest.mark.parametrize(
    "error", [errors.AuthenticationError("no"), errors.ServiceError("bad", status=400), KeyError("id")], ids=repr
)
def test_other_errors_are_let_through(error: Exception, make_context: Callable[..., Any]) -> None:
    with pytest.raises(type(error)):
        make(AztkApplicationSensor, Account(error)).poke(make_context())


# -- the first look ---------------------------------------------------------------------------------------------------


def test_what_is_there_already_is_not_deferred(make_context: Callable[..., Any]) -> None:
    account = Account(a="completed")
    assert make(AztkApplicationSensor, account, deferrable=True).execute(make_context())[0]["outcome"] == "success"
    assert account.asked == 1


@pytest.mark.parametrize("error", [*PASSING, KeyError("id")], ids=repr)
def test_what_cannot_be_asked_at_first_is_deferred(error: Exception, make_context: Callable[..., Any]) -> None:
    assert deferred(make(AztkApplicationSensor, Account(error), deferrable=True), make_context()).trigger


def test_what_can_never_be_there_is_not_deferred(make_context: Callable[..., Any]) -> None:
    account = Account(errors.AuthenticationError("no"))
    account.secrets.shared_key = object()
    with pytest.raises(AirflowFailException, match="no"):
        make(AztkApplicationSensor, account, deferrable=True).execute(make_context())


# -- a shared cluster between its uses ---------------------------------------------------------------------------------


class Shared(Account):
    """An account with one cluster, in a state."""

    def __init__(self, state: ClusterState | None) -> None:
        super().__init__(job={"state": "completed" if state is ClusterState.ENDED else "active"})
        self.state = state

    async def batch_jobs(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        return await super().batch_jobs(ids) if self.state else []

    async def view_cluster(self, *_: Any) -> models.Cluster:
        assert self.state is not None
        return models.Cluster(id="x", state=self.state)


#: The table of docs/how-to/sensors.md: what a sensor does, without and with missing_ok.
OPINIONS = {
    None: ("fails", "waits"),
    ClusterState.CREATING: ("waits", "waits"),
    ClusterState.READY: ("succeeds", "succeeds"),
    ClusterState.ENDED: ("fails", "waits"),
    ClusterState.DELETING: ("fails", "waits"),
    ClusterState.FAILED: ("fails", "fails"),
}


@pytest.mark.parametrize("missing_ok", [False, True])
@pytest.mark.parametrize("state", OPINIONS)
@pytest.mark.parametrize("mode", ["poke", "deferred"])
def test_one_opinion_on_a_cluster_in_every_mode(
    mode: str, state: ClusterState | None, missing_ok: bool, make_context: Callable[..., Any]
) -> None:
    sensor = make(AztkClusterSensor, Shared(state), missing_ok=missing_ok, **MODES[mode])
    run = sensor.poke if mode == "poke" else sensor.execute
    try:
        found = "succeeds" if run(make_context()) else "waits"
    except TaskDeferred:
        found = "waits"
    except AirflowFailException:
        found = "fails"
    assert found == OPINIONS[state][missing_ok]


def test_every_state_of_a_cluster_is_in_the_table() -> None:
    assert {None, *ClusterState} == set(OPINIONS)


def test_the_long_lived_example_outlasts_its_idle_hours(make_context: Callable[..., Any]) -> None:
    path = Path(__file__).parents[2] / "example_dags" / "example_aztk_long_lived.py"
    spec = importlib.util.spec_from_file_location("long_lived", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    account = Shared(ClusterState.ENDED)
    account.job["id"] = module.CLUSTER_ID
    module.ready.hook = account
    assert not module.ready.poke(make_context()), "its cluster has ended by idle_timeout"
    account.state, account.job["state"] = ClusterState.READY, "active"
    assert module.ready.poke(make_context()), "the task that makes sure of it has made the next one"
