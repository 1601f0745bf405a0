"""Every trigger: plain JSON kwargs, a constructor that only assigns, one event shape, and what ends a wait."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import time
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import JobSnapshot, _shared_poller, errors, models
from airflow_provider_aztk.client.models import ApplicationState, ClusterState, JobState, Outcome
from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
from airflow_provider_aztk.triggers.base import AztkTrigger
from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger
from airflow_provider_aztk.triggers.deletion import AztkDeletionTrigger
from airflow_provider_aztk.triggers.job import AztkJobTrigger
from airflow_provider_aztk.triggers.logs import AztkLogTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from airflow_provider_aztk.triggers.events import WaitEvent

COMMON: dict[str, Any] = {
    "aztk_conn_id": "c",
    "poll_interval": 0.01,
    "deadline": None,
    "cancel_on_kill": True,
    "remote": {"id": "r"},
}
LOGS: dict[str, Any] = {"log_names": ["a"], "log_offsets": {"a": 3}, "secret_refs": ["lake:password"],
                        "late_links": ["aztk_spark_ui_link"]}  # fmt: skip
EXAMPLES: dict[type[AztkTrigger], dict[str, Any]] = {
    AztkClusterTrigger: {**COMMON, "cluster_ids": ["x"], "missing_ok": True, "made_ids": ["x"]},
    AztkApplicationTrigger: {**COMMON, **LOGS, "cluster_id": "x", "application_names": ["a"]},
    AztkJobTrigger: {**COMMON, **LOGS, "job_ids": ["x"], "delete_on_kill": True, "keep_logs": True},
    AztkDeletionTrigger: {**COMMON, "deleted_id": "x", "deleted_at": 1_000_000.0},
}


def all_triggers() -> set[type[AztkTrigger]]:
    """Find the concrete triggers."""
    found, rest = set(), [AztkTrigger]
    while rest:
        for cls in rest.pop().__subclasses__():
            rest.append(cls)
            if not inspect.isabstract(cls) and cls.__module__.startswith("airflow_provider_aztk"):
                found.add(cls)
    return found


def test_every_trigger_has_an_example() -> None:
    assert all_triggers() == set(EXAMPLES)


@pytest.mark.parametrize("cls", EXAMPLES)
def test_serialisation(cls: type[AztkTrigger]) -> None:
    kwargs = EXAMPLES[cls]
    path, sent = cls(**kwargs).serialize()
    assert sent == kwargs, "every argument of the constructor has an example, and travels"
    assert json.loads(json.dumps(sent)) == sent
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**json.loads(json.dumps(sent)))
    assert again.serialize() == (path, sent)


def test_a_trigger_with_positional_arguments_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="keyword-only"):
        type("Bad", (AztkTrigger,), {"__init__": lambda self, aztk_conn_id: None})


class Feed:
    """Stands in the place of the watcher: gives what it is told, errors too."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.opened = 0

    async def watch(self, watched: str) -> AsyncIterator[Any]:
        self.opened += 1
        return self._give()

    async def _give(self) -> AsyncIterator[Any]:
        while True:
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            await asyncio.sleep(0.001)
            if isinstance(step, Exception):
                raise step
            yield step


def view(**kwargs: Any) -> Any:
    """Make a view as the watcher gives it."""
    cluster = kwargs.pop("cluster", None)
    failure = kwargs.pop("failure", None)

    async def get_cluster() -> Any:
        if isinstance(cluster, Exception):
            raise cluster
        return cluster

    async def start_failure() -> Any:
        return failure

    end = kwargs.pop("end", None)

    async def why() -> Any:
        return job.failure

    apps = kwargs.pop("apps", {})
    job = kwargs.pop("job", models.Job(id="x", state=JobState.ACTIVE))
    client = kwargs.pop("client", None)
    return SimpleNamespace(
        exists=kwargs.pop("exists", True), job=job, cluster=get_cluster, start_failure=start_failure, failure=why,
        end=end, is_ending=False, application=apps.get, applications=list(apps.values()), client=client,
    )  # fmt: skip


def application(name: str = "a", **kwargs: Any) -> models.Application:
    """Make an application; by default one that succeeded."""
    defaults: dict[str, Any] = {"state": ApplicationState.COMPLETED, "outcome": Outcome.SUCCESS, "exit_code": 0}
    return models.Application(name=name, **{**defaults, **kwargs})


def cluster(state: ClusterState, **kwargs: Any) -> models.Cluster:
    """Make a cluster in a state."""
    return models.Cluster(id="x", state=state, **kwargs)


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[..., WaitEvent]:
    """Let a trigger wait on the given steps; a dict has those of each id."""

    def run(trigger: AztkTrigger, *steps: Any) -> WaitEvent:
        feed = Feed(*steps)
        feeds = {id: Feed(*found) for id, found in steps[0].items()} if isinstance(steps[0], dict) else {}
        monkeypatch.setattr(trigger, "_watch", lambda watched: feeds.get(watched, feed).watch(watched))

        async def first() -> WaitEvent:
            async for event in trigger.run():
                payload: WaitEvent = event.payload
                return payload
            raise AssertionError("no event")

        event = asyncio.run(asyncio.wait_for(first(), 10))
        assert set(event) == {"status", "message", "code", "ids", "result", "remote"}
        assert json.loads(json.dumps(event)) == event
        return event

    return run


def plain(cls: type[AztkTrigger], **kwargs: Any) -> AztkTrigger:
    """Make a trigger without logs."""
    logs = {"log_names": None} if issubclass(cls, AztkLogTrigger) else {}
    return cls(**{**EXAMPLES[cls], **logs, **kwargs})


def test_a_cluster_is_waited_for(wait: Callable[..., WaitEvent]) -> None:
    event = wait(
        plain(AztkClusterTrigger), view(exists=False), view(cluster=cluster(ClusterState.CREATING)),
        view(cluster=cluster(ClusterState.READY)),
    )  # fmt: skip
    assert (event["status"], event["ids"], event["remote"]) == ("success", ["x"], {"id": "r"})


@pytest.mark.parametrize("state", ClusterState)
@pytest.mark.parametrize("missing_ok", [True, False])
def test_one_opinion_on_every_state_of_a_cluster(
    wait: Callable[..., WaitEvent], state: ClusterState, missing_ok: bool
) -> None:
    """The table of docs/how-to/sensors.md."""
    steps = [view(cluster=cluster(state)), view(exists=False), view(cluster=cluster(ClusterState.READY))]
    if not missing_ok and state is ClusterState.CREATING:
        steps.pop(1)
    event = wait(plain(AztkClusterTrigger, missing_ok=missing_ok), *steps)
    waits = state in (ClusterState.CREATING, ClusterState.READY) or (missing_ok and state is not ClusterState.FAILED)
    assert event["status"] == ("success" if waits else "failed")


def test_a_cluster_that_has_failed_is_told_while_another_is_still_to_come(wait: Callable[..., WaitEvent]) -> None:
    for absent in (view(exists=False), view(cluster=cluster(ClusterState.ENDED))):
        trigger = plain(AztkClusterTrigger, cluster_ids=["x", "y"])
        event = wait(trigger, {"x": [absent], "y": [view(cluster=cluster(ClusterState.FAILED))]})
        assert event["status"] == "failed"
        assert "cluster y cannot be used" in str(event["message"])


def test_a_missing_cluster_fails_unless_it_may_come(wait: Callable[..., WaitEvent]) -> None:
    event = wait(plain(AztkClusterTrigger, missing_ok=False), view(exists=False))
    assert (event["status"], event["code"]) == ("failed", "NotFound")


def test_a_cluster_that_cannot_come_ends_the_wait(wait: Callable[..., WaitEvent]) -> None:
    failure = models.Failure(code="AccountCoreQuotaReached", message="no cores", values={"Limit": "10"})
    event = wait(plain(AztkClusterTrigger), view(cluster=cluster(ClusterState.FAILED, failure=failure)))
    assert (event["status"], event["code"]) == ("failed", "AccountCoreQuotaReached")
    assert "no cores; Limit: 10" in str(event["message"])


def test_the_log_says_once_when_the_workers_of_a_cluster_change(
    wait: Callable[..., WaitEvent], capsys: pytest.CaptureFixture[str]
) -> None:
    failed = models.FailedWorker(task_id="aztk-worker-001", node_id="n", message="it ended", last_lines=["the cause"])
    waiting = cluster(ClusterState.CREATING, spark_master_url="spark://h:1", workers=1, target_workers=3)
    worse = dataclasses.replace(waiting, failed_workers=[failed])
    ready = dataclasses.replace(worse, workers=2, state=ClusterState.READY)
    views = [view(cluster=each) for each in (waiting, waiting, worse, worse, ready)]
    wait(plain(AztkClusterTrigger), *views)
    said = capsys.readouterr().out
    assert said.count("1 of 3 workers are there") == 2, "alone, and with the one that will not come"
    assert said.count("2 of 3 workers are there; 1 will not come") == 1
    assert said.count("the cause") == 1


def test_errors_of_the_service_are_endured(wait: Callable[..., WaitEvent]) -> None:
    trouble = [errors.ThrottledError("busy", status=429), errors.ConnectionFailedError("cut")]
    event = wait(plain(AztkClusterTrigger), *trouble, view(cluster=cluster(ClusterState.READY)))
    assert event["status"] == "success"


def test_a_refused_credential_is_told_in_the_forms_words(
    wait: Callable[..., WaitEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = plain(AztkClusterTrigger, poll_interval=0.001)
    told: list[str] = []
    monkeypatch.setattr(trigger.log, "warning", lambda text, *args, **_: told.append(text % args))
    refused = errors.AuthenticationError("check batch_account_key", service="Azure Batch")
    with pytest.raises(errors.AuthenticationError, match=r"check Batch account key \(password\)$"):
        wait(trigger, refused)
    assert set(told) == {"Azure Batch cannot be asked now, will be tried again: check Batch account key (password)"}


@pytest.mark.parametrize("steps", [[KeyError("id")], [view(cluster=KeyError("id"))]])
def test_an_error_that_nobody_expects_ends_the_wait(wait: Callable[..., WaitEvent], steps: list[Any]) -> None:
    with pytest.raises(KeyError, match="id"):
        wait(plain(AztkClusterTrigger), *steps)


def test_an_error_that_nobody_expects_may_pass(wait: Callable[..., WaitEvent]) -> None:
    event = wait(plain(AztkClusterTrigger), KeyError("id"), view(cluster=cluster(ClusterState.READY)))
    assert event["status"] == "success"


def test_one_id_that_cannot_be_watched_ends_the_wait_whatever_the_others_do(wait: Callable[..., WaitEvent]) -> None:
    creating = view(cluster=cluster(ClusterState.CREATING))
    feeds = {"x": [creating], "y": [creating, errors.ServiceError("no", status=400, code="Broken")]}
    with pytest.raises(errors.ServiceError, match="Broken"):
        wait(plain(AztkClusterTrigger, cluster_ids=["x", "y"], poll_interval=0.001), feeds)


@pytest.mark.parametrize("ids", [None, 7, "", "a/b"])
@pytest.mark.parametrize("how", ["wait", "look_once"])
def test_an_id_that_nothing_can_have_ends_the_wait_at_once(ids: Any, how: str) -> None:
    trigger = plain(AztkClusterTrigger, cluster_ids=[ids])
    trigger.hook = SimpleNamespace(aget_secrets=nothing, get_async_client=NoClient)  # type: ignore[assignment]
    trigger.share_key = "one's own"
    with pytest.raises(errors.InvalidConfigurationError, match=f"id={ids!r}"):
        asyncio.run(asyncio.wait_for(getattr(trigger, how)(), 10))


@pytest.mark.parametrize("trigger", [AztkClusterTrigger(cluster_ids=[], aztk_conn_id="c"),
                                     AztkJobTrigger(job_ids=[], aztk_conn_id="c")])  # fmt: skip
@pytest.mark.parametrize("how", ["wait", "look_once"])
def test_a_wait_for_nothing_is_refused(trigger: AztkTrigger, how: str) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="name at least one"):
        asyncio.run(getattr(trigger, how)())


async def nothing() -> None:
    """Give no credentials: nothing is asked."""


class NoClient:
    """A client that may be opened, and not be asked."""

    def __await__(self) -> Any:
        yield from ()
        return self

    async def __aenter__(self) -> NoClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


def test_a_deadline_ends_the_wait(wait: Callable[..., WaitEvent]) -> None:
    trigger = plain(AztkClusterTrigger, deadline=time.time() + 0.1)
    event = wait(trigger, view(cluster=cluster(ClusterState.CREATING)))
    assert (event["status"], event["remote"]) == ("timeout", {"id": "r"})


@pytest.mark.parametrize(
    ("ended", "status", "code"),
    [
        (application(), "success", None),
        (application(outcome=Outcome.FAILED, exit_code=7), "failed", "7"),
        (application(outcome=Outcome.STOPPED, exit_code=220), "failed", "220"),
        (application(outcome=Outcome.LOST, exit_code=None), "failed", None),
    ],
)
def test_an_application_is_waited_for(
    wait: Callable[..., WaitEvent], ended: models.Application, status: str, code: str | None
) -> None:
    running = application(state=ApplicationState.RUNNING, outcome=None, exit_code=None)
    event = wait(plain(AztkApplicationTrigger), view(apps={}), view(apps={"a": running}), view(apps={"a": ended}))
    assert (event["status"], event["code"]) == (status, code)
    assert event["result"]["applications"][0]["outcome"] == str(ended.outcome)


@pytest.mark.parametrize(("of", "begin"), [("x", {"a": 7}), ("another job", {"a": 0}), (None, {"a": 0})])
def test_a_log_goes_on_where_this_job_was_read_to(monkeypatch: pytest.MonkeyPatch, of: str | None, begin: Any) -> None:
    async def aget_one(**_: Any) -> Any:
        return {"of": of, "offsets": {"a": 7}} if of else None

    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom.aget_one", aget_one, raising=False)
    trigger = plain(AztkJobTrigger, log_names=["a"], log_offsets=None, secret_refs=None)
    ti: Any = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    trigger.task_instance = ti
    asyncio.run(trigger.prepare())
    assert {name: lines.read_offset for name, lines in trigger._lines.items()} == begin


class LastWords:
    """A client that reads what a master said last, or cannot."""

    def __init__(self) -> None:
        self.reads = 0

    async def master_log(self, job: dict[str, Any]) -> bytes | None:
        self.reads += 1
        return b"no such package\n"


def real_view(client: Any, state: str, reason: str | None, **master: Any) -> JobSnapshot:
    """Make a real view of a cluster whose application Batch has ended, alone or with its cluster."""
    stopped = {"exitCode": 143, "failureInfo": {"category": "UserError", "code": "TaskEnded"}}
    tasks: dict[str, Any] = {
        "a": {"id": "a", "state": "completed", "executionInfo": stopped},
        "aztk-master": {"id": "aztk-master", "state": "completed", "executionInfo": master or stopped},
    }
    job = {"id": "x", "state": state, "executionInfo": {"terminateReason": reason} if reason else {}}
    return JobSnapshot("x", job, tasks, client)


@pytest.mark.parametrize(
    ("reason", "code", "text"),
    [
        ("JMComplete", "MasterFailed", "no such package"),
        ("MaxWallClockTimeExpiry", "MaxWallClockTimeExpiry", "its time (max_lifetime) was over"),
        ("Stopped on request", "143", "the cluster's Batch job has ended: Stopped on request"),
    ],
)
def test_an_application_that_was_stopped_with_its_cluster_says_why(
    wait: Callable[..., WaitEvent], reason: str, code: str, text: str
) -> None:
    client = LastWords()
    master = {"exitCode": 224} if code == "MasterFailed" else {}
    ending, ended = (real_view(client, state, reason, **master) for state in ("terminating", "completed"))
    event = wait(plain(AztkApplicationTrigger), ending, ending, ended)
    assert (event["status"], event["code"]) == ("failed", code)
    assert "application a ended: stopped" in str(event["message"])
    assert text in str(event["message"])
    assert event["result"].get("cut_short") == (None if code == "143" else code)
    assert client.reads == (1 if master else 0)


def test_an_application_that_was_stopped_alone_ends_at_once(wait: Callable[..., WaitEvent]) -> None:
    event = wait(plain(AztkApplicationTrigger), real_view(LastWords(), "active", None))
    assert (event["status"], event["code"]) == ("failed", "143")
    assert "cluster" not in str(event["message"])


def test_a_job_says_how_it_ended_only_when_it_has(wait: Callable[..., WaitEvent]) -> None:
    ending, ended = (
        real_view(LastWords(), state, "JMComplete", exitCode=224) for state in ("terminating", "completed")
    )
    assert ending.job is not None
    assert (ending.job.outcome, ending.job.failure) == (None, None)
    event = wait(plain(AztkJobTrigger), ending, ended)
    assert (event["status"], event["result"]["cut_short"]) == ("failed", "MasterFailed")
    assert "no such package" in str(event["message"])


@pytest.mark.parametrize("cls", [AztkApplicationTrigger, AztkJobTrigger])
def test_what_a_failed_master_said_is_told_and_masked(cls: type[AztkTrigger], wait: Callable[..., WaitEvent]) -> None:
    from airflow.sdk.log import mask_secret

    mask_secret("hunter2-of-the-test")
    failure = models.Failure(code="MasterFailed", message="the last lines:\n    password hunter2-of-the-test is wrong")
    job = models.Job(id="x", state=JobState.COMPLETED, outcome=Outcome.FAILED, failure=failure)
    waiting = application(state=ApplicationState.ACTIVE, outcome=None, exit_code=None)
    event = wait(plain(cls), view(apps={"a": waiting}, job=job))
    assert (event["status"], event["code"]) == ("failed", "MasterFailed")
    assert "password *** is wrong" in str(event["message"])


def test_an_application_ends_with_its_cluster(wait: Callable[..., WaitEvent]) -> None:
    job = models.Job(id="x", state=JobState.COMPLETED)
    event = wait(plain(AztkApplicationTrigger), view(apps={}, job=job))
    assert event["status"] == "failed"
    assert "ended before its applications did" in str(event["message"])


NO_CORES = models.Failure(code="AccountCoreQuotaReached", message="no cores", values={"Limit": "0"})


def test_an_application_does_not_wait_for_a_cluster_that_can_get_no_node(wait: Callable[..., WaitEvent]) -> None:
    waiting = application(state=ApplicationState.ACTIVE, outcome=None, exit_code=None)
    event = wait(plain(AztkApplicationTrigger), view(apps={"a": waiting}), view(apps={"a": waiting}, failure=NO_CORES))
    assert (event["status"], event["code"]) == ("failed", "AccountCoreQuotaReached")
    assert "no cores; Limit: 0" in str(event["message"])
    assert event["result"]["applications"][0]["outcome"] is None


def test_a_job_that_can_get_no_node_is_not_waited_for(wait: Callable[..., WaitEvent]) -> None:
    event = wait(plain(AztkJobTrigger), view(), view(failure=NO_CORES))
    assert (event["status"], event["code"]) == ("failed", "AccountCoreQuotaReached")
    assert "job x cannot run: " in str(event["message"])
    assert event["result"] == {"applications": [], "jobs": [{"job_id": "x", "outcome": None}],
                               "log_offsets": {}, "secret_refs": ["lake:password"]}  # fmt: skip


def test_all_applications_are_at_least_one(wait: Callable[..., WaitEvent]) -> None:
    trigger = plain(AztkApplicationTrigger, application_names=None)
    event = wait(trigger, view(apps={}), view(apps={"a": application()}))
    assert [found["name"] for found in event["result"]["applications"]] == ["a"]


@pytest.mark.parametrize("state", [JobState.ACTIVE, JobState.COMPLETED])
def test_a_cluster_without_applications_that_has_failed_ends_the_wait_for_all(
    wait: Callable[..., WaitEvent], state: JobState
) -> None:
    failure = models.Failure(code="AutoPoolCreationFailed", message="no such image")
    trigger = plain(AztkApplicationTrigger, application_names=None)
    event = wait(trigger, view(apps={}, job=models.Job(id="x", state=state, failure=failure)))
    assert (event["status"], event["code"]) == ("failed", "AutoPoolCreationFailed")
    assert "no such image" in str(event["message"])


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.SUCCESS, "success"), (Outcome.FAILED, "failed")])
def test_a_job_is_waited_for(wait: Callable[..., WaitEvent], outcome: Outcome, status: str) -> None:
    apps = {"a": application(outcome=outcome, exit_code=0 if outcome.is_successful else 9)}
    done = models.Job(id="x", state=JobState.COMPLETED, outcome=outcome, applications=apps)
    event = wait(plain(AztkJobTrigger), view(), view(job=done))
    assert event["status"] == status
    assert event["result"]["jobs"] == [{"job_id": "x", "outcome": str(outcome)}]
    assert event["code"] == (None if outcome.is_successful else "9")


def test_a_deletion_is_waited_for(wait: Callable[..., WaitEvent]) -> None:
    going = models.Job(id="x", state=JobState.DELETING, creation_time=datetime.fromtimestamp(900_000, UTC))
    event = wait(plain(AztkDeletionTrigger), view(job=going), view(job=going), view(exists=False, job=None))
    assert (event["status"], event["remote"]) == ("success", {"id": "r"})


def test_one_of_the_same_id_that_came_after_the_deletion_is_not_waited_for(wait: Callable[..., WaitEvent]) -> None:
    going = models.Job(id="x", state=JobState.DELETING, creation_time=datetime.fromtimestamp(900_000, UTC))
    later = models.Job(id="x", state=JobState.ACTIVE, creation_time=datetime.fromtimestamp(1_000_050, UTC))
    assert wait(plain(AztkDeletionTrigger), view(job=going), view(job=later))["status"] == "success"
    old = models.Job(id="x", state=JobState.ACTIVE, creation_time=datetime.fromtimestamp(900_000, UTC))
    event = wait(plain(AztkDeletionTrigger, deadline=time.time() + 0.1, poll_interval=0.01), view(job=old))
    assert event["status"] == "timeout", "a list may lag: one that was there before is still to go"


class LogClient:
    """Gives a log that grows, and fails now and then."""

    def __init__(self) -> None:
        self.log = b""
        self.reads = 0

    async def read_log(self, owner: str, name: str, offset: int, max_bytes: int) -> models.LogChunk:
        self.reads += 1
        if self.reads == 2:
            raise errors.ServiceError("not now", status=500)
        self.log += f"line {self.reads}\n".encode()
        return models.LogChunk(offset=offset, data=self.log[offset : offset + max_bytes])


def test_a_log_that_cannot_be_read_never_ends_the_wait(
    wait: Callable[..., WaitEvent], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_aztk.triggers.logs._FASTEST", 0.0)
    client = LogClient()
    trigger = plain(AztkApplicationTrigger, log_names=["a"], log_offsets=None, secret_refs=None, poll_interval=0.0)
    lines: list[str] = []
    monkeypatch.setattr(type(trigger), "log", SimpleNamespace(
        info=lambda text, *args: lines.append(text % args), warning=lambda text, *args: lines.append(text % args),
        debug=lambda *args: None,
    ))  # fmt: skip
    running = view(apps={"a": application(state=ApplicationState.RUNNING, outcome=None)}, client=client)
    event = wait(trigger, running, running, running, running, view(apps={"a": application()}, client=client))
    assert event["status"] == "success"
    assert lines[0] == "line 1"
    assert any("cannot be read now" in line for line in lines)
    assert event["result"]["log_offsets"] == {"a": len(client.log)}


def test_the_last_lines_come_well_before_the_event(
    wait: Callable[..., WaitEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_aztk.triggers.logs._FASTEST", 0.0)
    monkeypatch.setattr("airflow_provider_aztk.triggers.logs._SETTLE", 0.5)
    monkeypatch.setattr("airflow_provider_aztk.triggers.logs.MIN_DEFERRAL", 0.0)
    monkeypatch.setattr("airflow_provider_aztk.triggers.deferral._LIMIT", 0.0)
    trigger = plain(AztkApplicationTrigger, log_names=["a"], log_offsets=None, secret_refs=None, poll_interval=0.0)
    ti: Any = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    trigger.task_instance = ti
    said: list[float] = []
    monkeypatch.setattr(type(trigger), "log", SimpleNamespace(
        info=lambda *_: said.append(time.monotonic()), warning=lambda *_: None, debug=lambda *_: None,
    ))  # fmt: skip
    client = LogClient()
    client.reads = 2  # none of them fails
    running = view(apps={"a": application(state=ApplicationState.RUNNING, outcome=None)}, client=client)
    event = wait(trigger, running, running, view(apps={"a": application()}, client=client))
    assert said
    assert time.monotonic() - said[-1] >= 0.5, "Airflow closes the task's log with the event"
    assert event["result"]["log_offsets"] == {"a": len(client.log)}, "the worker goes on behind the last line"


class Killer:
    """A client that stops and deletes; some things are gone, some cannot be reached."""

    def __init__(self, gone: str = "", broken: str = "") -> None:
        self.done: list[tuple[Any, ...]] = []
        self.gone = gone
        self.broken = broken
        self.at_work = self.most_at_work = 0

    async def open(self) -> Killer:
        """Give itself, as the hook does."""
        return self

    async def __aenter__(self) -> Killer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.done.append(("closed",))

    async def _do(self, name: str, *what: Any) -> bool:
        self.at_work += 1
        self.most_at_work = max(self.at_work, self.most_at_work)
        await asyncio.sleep(0)
        self.at_work -= 1
        if name == self.gone:
            raise errors.NotFoundError("there is none", id=name)
        if name == self.broken:
            raise errors.ConnectionFailedError("cut")
        self.done.append(what)
        return True

    async def stop_application(self, cluster_id: str, name: str) -> bool:
        return await self._do(name, "stop", cluster_id, name)

    async def stop_job(self, job_id: str) -> bool:
        return await self._do(job_id, "stop", job_id)

    async def delete_job(self, job_id: str, *, keep_logs: bool = False) -> bool:
        return await self._do(job_id, "delete", job_id, keep_logs)

    async def delete_cluster(self, cluster_id: str, *, keep_logs: bool = False) -> bool:
        return await self._do(cluster_id, "delete", cluster_id, keep_logs)


def kill(trigger: AztkTrigger, client: Killer) -> list[tuple[Any, ...]]:
    """Let a user end the task, and tell what was done."""
    trigger.hook = SimpleNamespace(get_async_client=client.open)  # type: ignore[assignment]
    asyncio.run(trigger.on_kill())
    return client.done


def test_on_kill_cancels_only_when_asked() -> None:
    assert kill(plain(AztkApplicationTrigger, cancel_on_kill=False), Killer()) == []
    assert kill(plain(AztkApplicationTrigger), Killer()) == [("stop", "x", "a"), ("closed",)]


@pytest.mark.parametrize(
    ("arguments", "done"),
    [
        ({"delete_on_kill": False}, ("stop", "x")),
        ({"delete_on_kill": True, "keep_logs": True}, ("delete", "x", True)),
        ({"delete_on_kill": True, "keep_logs": False}, ("delete", "x", False)),
    ],
)
def test_a_job_is_stopped_or_deleted_on_kill(arguments: dict[str, bool], done: tuple[Any, ...]) -> None:
    assert kill(plain(AztkJobTrigger, **arguments), Killer())[0] == done


def test_a_job_trigger_of_an_earlier_version_still_stops_its_job() -> None:
    assert kill(AztkJobTrigger(job_ids=["x"], aztk_conn_id="c", cancel_on_kill=True), Killer())[0] == ("stop", "x")


def test_only_clusters_that_the_task_has_made_are_deleted_on_kill() -> None:
    both = {"cluster_ids": ["x", "y"]}
    for made, deleted in ((["y"], ["y"]), ([], []), (None, ["x", "y"])):
        done = kill(plain(AztkClusterTrigger, **both, made_ids=made), Killer())
        assert sorted(call[1] for call in done if call[0] == "delete") == deleted


NAMES = [f"n{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("cls", "argument"),
    [(AztkApplicationTrigger, "application_names"), (AztkJobTrigger, "job_ids"), (AztkClusterTrigger, "made_ids")],
)
def test_all_are_cancelled_several_at_a_time_whatever_becomes_of_one(cls: type[AztkTrigger], argument: str) -> None:
    gone = Killer(gone="n0")
    assert len(kill(plain(cls, **{argument: NAMES}), gone)) == len(NAMES) - 1 + 1
    assert 1 < gone.most_at_work <= 8
    broken = Killer(gone="n0", broken="n1")
    with pytest.raises(errors.ConnectionFailedError):
        kill(plain(cls, **{argument: NAMES}), broken)
    assert len(broken.done) == len(NAMES) - 2 + 1


def test_the_watcher_is_the_clients_own() -> None:
    assert hasattr(_shared_poller.SharedPoller, "shared")


def test_waits_share_a_poll_where_their_connection_leads_to_the_same_account(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    monkeypatch.setattr(
        _shared_poller.SharedPoller,
        "shared",
        lambda key, _: keys.append(key) or SimpleNamespace(watch=lambda *_, **__: None),
    )

    def key(**changes: Any) -> str:
        monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**connection, **changes}))
        asyncio.run(plain(AztkClusterTrigger, aztk_conn_id="aztk_default")._watch("x"))
        return keys[-1]

    assert key() == key()
    assert key() != key(login="other"), "edited while the triggerer runs, or another team's"
    assert key() != key(password="b3RoZXI="), "a new key must be used, and not the one that was withdrawn"
    assert connection["password"] not in key()
