"""A trigger's event waits until Airflow's scheduler knows of the deferral: told by a supervisor and an API server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetTaskStates, TaskStatesResult

from airflow_provider_aztk.client import SharedPoller
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
from airflow_provider_aztk.triggers.deferral import Deferral, DeferralTimes, health_url
from tests.support.fake_wait import cluster, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

TIMES = DeferralTimes(minimum=0.2, worker_end=0.05, without_answer=0.5, limit=60.0, pause=0.02, question_timeout=0.6)


class Supervisor:
    """What the triggerer asks: the state of a task, which may come late, or not at all."""

    def __init__(self) -> None:
        self.begin = time.monotonic()
        self.deferred_after = 0.0
        self.slowness = 0.0
        self.error: Exception | None = None
        self.asked: list[GetTaskStates] = []
        self.loops_rounds = 0  # of the event loop, counted by who runs in it
        self.rounds_meanwhile: list[int] = []

    def send(self, message: GetTaskStates) -> TaskStatesResult:
        """Answer as Airflow's own does, in the thread of who asks."""
        self.asked.append(message)
        before = self.loops_rounds
        time.sleep(self.slowness)
        self.rounds_meanwhile.append(self.loops_rounds - before)
        if self.error is not None:
            raise self.error
        state = "deferred" if time.monotonic() >= self.begin + self.deferred_after else "running"
        (task_id,) = message.task_ids or ()
        name = task_id if message.map_index is None else f"{task_id}_{message.map_index}"
        return TaskStatesResult(task_states={"r": {name: state}})


class Scheduler:
    """An API server that shows the heartbeat of a scheduler, which goes round once in a while."""

    def __init__(self, round_seconds: float = 0.05) -> None:
        self.round_seconds = round_seconds
        self.begin = time.monotonic()
        self.slowness = 0.0
        self.asked = 0
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                time.sleep(outer.slowness)
                body = json.dumps({"scheduler": {"latest_scheduler_heartbeat": f"beat {outer.rounds()}"}}).encode()
                self.send_response(outer.status if self.path == "/api/v2/monitor/health" else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def rounds(self) -> int:
        """How often the scheduler has gone round."""
        return int((time.monotonic() - self.begin) / self.round_seconds)


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(Deferral, "times", TIMES)
    found = Supervisor()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", found, raising=False)
    return found


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    found = Scheduler()
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"http://127.0.0.1:{found.server.server_port}")
    yield found
    found.server.shutdown()
    found.server.server_close()


def settle(supervisor: Supervisor, *, map_index: int = -1, age: float = 0.0) -> tuple[float, list[str]]:
    """Wait as a trigger does; return how long the event was held back after the trigger's begin, and what was said."""
    said: list[str] = []
    log = SimpleNamespace(info=lambda text, *a: said.append(text % a), warning=lambda text, *a: said.append(text % a))
    ti = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=map_index)
    began = time.monotonic() - age

    async def run() -> None:
        async def another_trigger() -> None:
            while True:
                await asyncio.sleep(0.01)
                supervisor.loops_rounds += 1

        watching = asyncio.create_task(another_trigger())
        await Deferral(ti, began, log).wait_until_registered()
        watching.cancel()

    asyncio.run(run())
    return time.monotonic() - began, said


@pytest.mark.parametrize("map_index", [-1, 3])
def test_two_rounds_of_the_scheduler_are_enough(supervisor: Supervisor, scheduler: Scheduler, map_index: int) -> None:
    seconds, said = settle(supervisor, map_index=map_index)
    assert seconds >= 0.2
    assert "give it" not in str(said)
    question = supervisor.asked[0]
    assert (question.dag_id, question.task_ids, question.run_ids) == ("d", ["t"], ["r"])


def test_a_deferral_that_is_noted_late_is_waited_for(supervisor: Supervisor, scheduler: Scheduler) -> None:
    supervisor.deferred_after = 0.8
    seconds, said = settle(supervisor)
    assert seconds >= 0.8
    assert said == ["The task is woken as soon as Airflow's scheduler has registered its deferral"]


def test_a_busy_scheduler_is_waited_for(supervisor: Supervisor, scheduler: Scheduler) -> None:
    scheduler.round_seconds = 0.5
    seconds, _ = settle(supervisor)
    assert seconds > 0.5, "one round at least lies between the worker's end and the event"
    assert scheduler.rounds() >= 2


def test_a_slow_answer_does_not_block_the_other_triggers(supervisor: Supervisor, scheduler: Scheduler) -> None:
    supervisor.slowness = scheduler.slowness = 0.5
    seconds, _ = settle(supervisor)
    assert seconds >= 0.5
    assert min(supervisor.rounds_meanwhile) > 0, "the event loop of all triggers was blocked"


@pytest.mark.parametrize("trouble", ["refused", "500", "silent", "no address"])
def test_where_the_api_server_does_not_answer_a_time_takes_its_place(
    supervisor: Supervisor, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    if trouble == "500":
        scheduler.status = 500
    elif trouble == "silent":
        scheduler.slowness = 3.0
    else:
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:1" if trouble == "refused" else "")
    seconds, said = settle(supervisor)
    assert seconds >= 0.5
    assert "give it" not in str(said), "the limit was not needed"


def test_an_airflow_that_does_not_tell_the_state_does_not_stop_the_event(
    supervisor: Supervisor, scheduler: Scheduler
) -> None:
    supervisor.error = RuntimeError("unknown message")
    _, said = settle(supervisor)
    assert "give it" not in str(said)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["never deferred", "no round"])
def test_the_wait_is_bounded_and_says_so(
    supervisor: Supervisor, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    monkeypatch.setattr(Deferral, "times", replace(TIMES, limit=2.0))
    if which == "no round":
        scheduler.round_seconds = 1e9
    else:
        supervisor.deferred_after = 1e9
    seconds, said = settle(supervisor)
    assert seconds >= 2.0
    assert "give it at least one retry" in said[-1]


def test_a_long_wait_asks_nothing(supervisor: Supervisor, scheduler: Scheduler) -> None:
    _, said = settle(supervisor, age=100.0)
    assert not said
    assert not supervisor.asked
    assert not scheduler.asked


def test_the_trigger_holds_its_event_back(
    supervisor: Supervisor, scheduler: Scheduler, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.deferred_after = 0.6
    trigger = AztkClusterTrigger(cluster_ids=["x"], aztk_conn_id="aztk_default")
    trigger.task_instance = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)  # type: ignore[assignment]
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps(connection))
    ready = snapshot(cluster=cluster(ClusterState.READY))

    async def feed() -> AsyncIterator[Any]:
        yield ready

    monkeypatch.setattr(SharedPoller, "shared", lambda *_: SimpleNamespace(watch=lambda *_, **__: feed()))
    began = time.monotonic()

    async def first() -> Any:
        return await anext(trigger.run())

    assert asyncio.run(first()).payload["status"] == "success"
    assert time.monotonic() - began >= 0.6


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"API__BASE_URL": "http://a:8080/"}, "http://a:8080/api/v2/monitor/health"),
        (
            {"API__BASE_URL": "https://public", "CORE__EXECUTION_API_SERVER_URL": "http://inside:8080/x/execution/"},
            "http://inside:8080/x/api/v2/monitor/health",
        ),
        (
            {"API__BASE_URL": "http://a", "CORE__EXECUTION_API_SERVER_URL": "http://other/path"},
            "http://a/api/v2/monitor/health",
        ),
        ({"API__BASE_URL": "file:///etc"}, None),
        ({}, None),
    ],
)
def test_where_the_scheduler_is_asked_for(
    settings: dict[str, str], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API__BASE_URL", "CORE__EXECUTION_API_SERVER_URL"):
        monkeypatch.delenv(f"AIRFLOW__{name}", raising=False)
        if name in settings:
            monkeypatch.setenv(f"AIRFLOW__{name}", settings[name])
    assert health_url() == url


def test_many_triggers_ask_together(
    supervisor: Supervisor, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deferral, "times", replace(TIMES, pause=0.1))
    log = SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)

    async def run() -> None:
        tasks = [SimpleNamespace(dag_id="d", task_id=f"t{n}", run_id="r", map_index=-1) for n in range(100)]
        await asyncio.gather(*(Deferral(ti, time.monotonic(), log).wait_until_registered() for ti in tasks))

    began = time.monotonic()
    asyncio.run(run())
    assert scheduler.asked <= (time.monotonic() - began) / 0.1 + 2


def test_an_answer_from_before_the_deferral_was_noted_does_not_count(
    supervisor: Supervisor, scheduler: Scheduler
) -> None:
    """Another trigger's question is on its way, and the heartbeat has moved since."""
    scheduler.slowness = 0.3
    log = SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)

    async def run() -> Deferral:
        other = asyncio.create_task(Deferral.heartbeat.read(TIMES))
        await asyncio.sleep(0.1)
        late = Deferral(SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1), time.monotonic() - 1, log)
        assert not await late.is_registered()
        await other
        return late

    assert asyncio.run(run()).heartbeats == []
