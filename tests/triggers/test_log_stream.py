"""The drivers' logs, written into the task's log during a wait."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client.models import ApplicationState, Outcome
from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from tests.support.fake_wait import FakeClock, application, make_trigger, snapshot, wait

TI: Any = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)


class LogClient:
    """Gives a log that grows, and fails at some reads."""

    def __init__(self, *failing_reads: int) -> None:
        self.log = b""
        self.offsets: list[int] = []
        self._failing = failing_reads

    async def read_log(self, owner: str, name: str, offset: int, max_bytes: int) -> models.LogChunk:
        self.offsets.append(offset)
        if len(self.offsets) in self._failing:
            raise errors.ServiceError("not now", status=500)
        self.log += f"line {len(self.offsets)}\n".encode()
        return models.LogChunk(offset=offset, data=self.log[offset : offset + max_bytes])


class Log:
    """Keeps what is logged, and when."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.lines: list[str] = []
        self.logged_at = 0.0

    def info(self, text: str, *args: Any) -> None:
        self.lines.append(text % args)
        self.logged_at = self._clock.now

    warning = info

    def debug(self, *_: Any) -> None: ...


def running(client: LogClient) -> Any:
    return snapshot(apps={"a": application(state=ApplicationState.RUNNING, outcome=None)}, client=client)


def ended(client: LogClient) -> Any:
    return snapshot(apps={"a": application()}, client=client)


@pytest.mark.parametrize(("of", "begin"), [("x", 7), ("another job", 0), (None, 0)])
def test_a_log_is_read_from_the_checkpoint_of_this_job_only(
    monkeypatch: pytest.MonkeyPatch, of: str | None, begin: int
) -> None:
    async def aget_one(**_: Any) -> Any:
        return {"of": of, "offsets": {"a": 7}} if of else None

    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom.aget_one", aget_one, raising=False)
    trigger = make_trigger(AztkJobTrigger, log_names=["a"], log_offsets=None, secret_refs=None)
    trigger.task_instance = TI
    client = LogClient()
    client.log = b"earlier\n"
    done = models.Job(id="x", state=models.JobState.COMPLETED, outcome=Outcome.SUCCESS)
    wait(trigger, snapshot(client=client), snapshot(client=client, job=done))
    assert client.offsets[0] == begin


def test_a_log_that_cannot_be_read_never_ends_the_wait() -> None:
    client, clock = LogClient(2), FakeClock()
    log = Log(clock)
    trigger = make_trigger(AztkApplicationTrigger, log_names=["a"], log_offsets=None, secret_refs=None, poll_interval=5)
    event = wait(trigger, *[running(client)] * 8, ended(client), clock=clock, log=log)
    assert event["status"] == "success"
    assert log.lines[0] == "line 1"
    assert sum("cannot be read now" in line for line in log.lines) == 1
    assert event["result"]["log_offsets"] == {"a": len(client.log)}


def test_the_event_is_sent_seconds_after_the_last_line() -> None:
    client, clock = LogClient(), FakeClock()
    log = Log(clock)
    trigger = make_trigger(AztkApplicationTrigger, log_names=["a"], log_offsets=None, secret_refs=None, poll_interval=5)
    trigger.task_instance = TI
    event = wait(trigger, running(client), running(client), ended(client), clock=clock, log=log)
    assert log.lines
    assert clock.now - log.logged_at >= 3.0, "Airflow closes the task's log with the event"
    assert event["result"]["log_offsets"] == {"a": len(client.log)}, "the worker goes on behind the last line"


def test_an_event_in_a_worker_is_not_held_back() -> None:
    client, clock = LogClient(), FakeClock()
    trigger = make_trigger(AztkApplicationTrigger, log_names=["a"], log_offsets=None, secret_refs=None)
    wait(trigger, running(client), ended(client), clock=clock, on_link=lambda *_: None)
    assert clock.slept == []


def test_logs_are_read_less_often_while_nothing_is_new() -> None:
    class QuietClient(LogClient):
        async def read_log(self, owner: str, name: str, offset: int, max_bytes: int) -> models.LogChunk:
            self.offsets.append(offset)
            self.times.append(clock.now)
            return models.LogChunk(offset=offset, data=b"")

        times: list[float] = []  # noqa: RUF012 - one instance only

    client, clock = QuietClient(), FakeClock()
    trigger = make_trigger(
        AztkApplicationTrigger, log_names=["a"], log_offsets=None, secret_refs=None, poll_interval=10.0
    )
    wait(trigger, *[running(client)] * 30, ended(client), clock=clock)
    pauses = [later - earlier for earlier, later in zip(client.times, client.times[1:], strict=False)]
    assert [round(pause) for pause in pauses[:4]] == [4, 8, 10, 10]
