"""What tasks say in their logs: sentences with the right words, and never the repr of a Python object."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client.models import ClusterState, JobState
from airflow_provider_aztk.exceptions import AztkApplicationError, AztkClusterError
from airflow_provider_aztk.operators.cluster import AztkDeleteClusterOperator
from airflow_provider_aztk.operators.job import AztkStopJobOperator, AztkSubmitJobOperator
from airflow_provider_aztk.sensors.application import AztkApplicationSensor
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor
from airflow_provider_aztk.triggers.outcomes import result_line
from tests.support.airflow_home import Context
from tests.support.fake_client import FAILED, Client, defer, event

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "airflow_provider_aztk"
LOGGED = re.compile(r"\b_?log\.(info|warning|error|exception)$")
REPR = re.compile(r"[{\[]'|': |<[\w.]+ object at|\bNone\b|Error\(")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What operators and sensors log; none of it may be Python."""
    found: list[str] = []

    def say(text: str, *values: Any, **_: Any) -> None:
        found.append(text % values if values else text)

    log = SimpleNamespace(info=say, warning=say, error=say, debug=lambda *_, **__: None)
    monkeypatch.setattr("airflow.sdk.bases.operator.BaseOperator.log", log)
    yield found
    assert not [line for line in found if REPR.search(line)]


@pytest.fixture
def job(client: Client, tmp_path: Path) -> AztkSubmitJobOperator:
    jobs: dict[str, models.Job] = {}

    def submit_job(conf: models.JobConfiguration) -> None:
        jobs[conf.id] = models.Job(id=conf.id, state=JobState.ACTIVE)

    def get_job(job_id: str) -> models.Job:
        if job_id not in jobs:
            raise errors.JobNotFoundError("none", id=job_id)
        return jobs[job_id]

    def delete_job(job_id: str, *, keep_logs: bool = False) -> bool:
        return jobs.pop(job_id, None) is not None

    vars(client).update(submit_job=submit_job, get_job=get_job, delete_job=delete_job, jobs=jobs)
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        return AztkSubmitJobOperator(
            task_id="spark",
            job_configuration={
                "id": "nightly",
                "vm_size": "standard_d2s_v5",
                "max_dedicated_nodes": 1,
                "applications": [{"name": "pi", "application": str(tmp_path / "pi.py")}],
            },
            deferrable=True,
        )


TIMES = {"start_time": "2026-11-22T10:00:00+00:00", "end_time": "2026-11-22T10:01:12.300000+00:00"}


@pytest.mark.parametrize("keep_logs", [True, False])
def test_a_job_that_succeeded(job: AztkSubmitJobOperator, lines: list[str], keep_logs: bool) -> None:
    job.keep_logs = keep_logs
    context = Context()
    remote = defer(job, context)
    name = remote["job_id"]
    assert lines == [f"Submitting job {name} with application pi"]
    job.execute_complete(context, event(remote, **TIMES))
    kept = ", its drivers' logs are kept" if keep_logs else ""
    assert lines[1:] == [
        "first",
        "last words",
        "Application pi: success, exit code 0, 72.3 s",
        f"Job {name} deleted{kept}: it is over, and the task keeps its result",
    ]


def test_a_job_that_failed(job: AztkSubmitJobOperator, lines: list[str]) -> None:
    context = Context()
    remote = defer(job, context)
    with pytest.raises(AztkApplicationError):
        job.execute_complete(context, event(remote, "failed", outcome="failed", exit_code=7))
    assert lines[-2:] == [
        "Application pi: failed, exit code 7",
        f"Job {remote['job_id']} deleted: it is over, and did not succeed",
    ]


def test_a_cluster_that_cannot_come_says_why_it_is_deleted(client: Client, create: Any, lines: list[str]) -> None:
    context = Context()
    remote = defer(create, context)
    with pytest.raises(AztkClusterError):
        create.execute_complete(context, {**event(remote, "failed"), "code": "AccountCoreQuotaReached"})
    (name,) = remote["cluster_ids"]
    assert lines[-1] == f"Cluster {name} deleted: the clusters cannot all be used (AccountCoreQuotaReached)"


def test_a_cluster_that_came_is_reported(client: Client, create: Any, lines: list[str]) -> None:
    context = Context()
    remote = defer(create, context)
    (name,) = remote["cluster_ids"]
    client.clusters[name] = models.Cluster(
        id=name, state=ClusterState.READY, vm_size="standard_d2s_v5", target_dedicated_nodes=2,
        spark_master_url="spark://10.0.0.4:7077",
    )  # fmt: skip
    create.execute_complete(context, event(remote))
    assert lines[-1] == f"Cluster {name} can be used: 2 nodes of standard_d2s_v5, Spark master spark://10.0.0.4:7077"


def test_a_shared_cluster_that_is_left_alone_is_not_called_deleted(
    client: Client, create: Any, lines: list[str]
) -> None:
    create.exact_id = True
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.READY)
    defer(create, Context())
    create.on_kill()
    assert lines[-1] == "There was nothing (more) to end of cluster pi: the task was ended"


def test_a_retry_and_a_clear_name_what_they_found(client: Client, app: Any, lines: list[str]) -> None:
    context = Context()
    (name,) = defer(app, context)["application_names"]
    defer(app, Context(try_number=2, store=context["task_state_store"]))
    assert f"An earlier try has started application {name} on cluster c; going on with it" in lines
    client.apps[name] = FAILED
    remote = defer(app, Context(try_number=3, store=context["task_state_store"]))
    assert (
        f"Application {name} on cluster c told to stop: an earlier try had submitted it, and it did not succeed"
        in lines
    )
    app.execute_complete(context, event(remote))
    app.execute(Context(try_number=4, store=context["task_state_store"]))
    (again,) = remote["application_names"]
    assert (
        f"An earlier try had finished already, with application {again} on cluster c; its result is given again"
        in lines
    )
    defer(app, Context(try_number=5, store=context["task_state_store"], clear_number=1))
    assert any(line.endswith("the task was cleared, and this is of its earlier run") for line in lines)


@pytest.mark.parametrize(
    ("error", "kind", "why"),
    [
        ("Trigger timeout", TaskDeferralTimeout, "the time for the deferral is over"),
        ("Trigger failure", TaskDeferralError, "the task's trigger has failed"),
    ],
)
def test_a_deferral_that_failed(
    client: Client, app: Any, lines: list[str], error: str, kind: type[Exception], why: str
) -> None:
    context = Context()
    (name,) = defer(app, context)["application_names"]
    with pytest.raises(kind):
        app.resume_execution("__fail__", {"error": error}, context)
    assert lines[-1] == f"Application {name} on cluster c told to stop: {why}"


def test_what_cannot_be_ended_is_reported_and_not_forgotten(client: Client, app: Any, lines: list[str]) -> None:
    context = Context()
    (name,) = defer(app, context)["application_names"]

    def fail(*_: object) -> None:
        raise errors.ConnectionFailedError("no answer")

    client.stop_application = fail  # type: ignore[method-assign]  # in place of the fake's own
    with pytest.raises(TaskDeferralTimeout):
        app.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    assert lines[-1] == (
        f"Application {name} on cluster c cannot be ended (the time for the deferral is over): no answer"
    )
    assert context["task_state_store"], "who comes next still knows what runs"


def test_deletions_and_stops(client: Client, lines: list[str]) -> None:
    client.clusters["c"] = models.Cluster(id="c", state=ClusterState.READY)
    vars(client).update(stop_job=lambda _: False)
    with DAG("etl", schedule=None):
        delete = AztkDeleteClusterOperator(task_id="x", cluster_id="c", keep_logs=True)
        stop = AztkStopJobOperator(task_id="y", job_id="j")
    delete.execute(Context())
    delete.execute(Context())
    stop.execute(Context())
    assert lines == [
        "Cluster c is being deleted; its drivers' logs are kept",
        "Cluster c does not exist, or is being deleted already",
        "Job j had ended already",
    ]


def test_sensors_tell_what_they_found(connection: dict[str, Any], lines: list[str]) -> None:
    with DAG("etl", schedule=None):
        applications = AztkApplicationSensor(task_id="a", cluster_id="c")
        clusters = AztkClusterSensor(task_id="c", cluster_id=["c", "d"])
    applications.execute_complete(Context(), event({}, **TIMES))
    clusters.execute_complete(Context(), {**event({}), "ids": ["c", "d"], "result": {}})
    assert lines == ["Application pi: success, exit code 0, 72.3 s", "Cluster c can be used", "Cluster d can be used"]


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        ({"outcome": None, "exit_code": None}, "Application a: did not run"),
        ({"outcome": "stopped", "exit_code": None}, "Application a: stopped"),
        ({"outcome": "failed", "exit_code": 137, **TIMES}, "Application a: failed, exit code 137, 72.3 s"),
    ],
)
def test_a_line_of_result(summary: dict[str, Any], line: str) -> None:
    assert result_line({"name": "a", **summary}) == line


def _logged() -> Iterator[tuple[str, ast.Call]]:
    for package in ("operators", "sensors", "triggers", "hooks", "cli", "logs", "links"):
        for path in (PACKAGE / package).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and LOGGED.search(ast.unparse(node.func)):
                    yield f"{path.name}:{node.lineno}", node


def test_no_line_of_a_log_is_made_of_a_repr_or_of_a_whole_note() -> None:
    calls = list(_logged())
    assert len(calls) > 30, "the search finds the log lines"
    for where, call in calls:
        text = ast.unparse(call)
        assert not re.search("%r|!r}", text), where
        values = {ast.unparse(argument) for argument in call.args[1:]}
        assert not values & {"remote", "record", "event", "self.remote", "event['ids']", "event['remote']"}, where
