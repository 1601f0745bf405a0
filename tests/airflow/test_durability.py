"""What a try does with what an earlier one left, told by its calls; real processes are killed in tests/e2e."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowTaskTimeout,
    TaskDeferralError,
    TaskDeferralTimeout,
    TaskDeferred,
)

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client.models import ApplicationState, ClusterState, Outcome
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator
from airflow_provider_aztk.operators.remote import REMOTE_KEY
from airflow_provider_aztk.utils.errors import AztkApplicationError, AztkClusterError
from tests.airflow.conftest import Context

if TYPE_CHECKING:
    from pathlib import Path

DONE = models.Application(name="x", state=ApplicationState.COMPLETED, outcome=Outcome.SUCCESS, exit_code=0)
RUNNING = models.Application(name="x", state=ApplicationState.RUNNING)
FAILED = models.Application(name="x", state=ApplicationState.COMPLETED, outcome=Outcome.FAILED, exit_code=1)


class Client:
    """Keeps what it is given, and writes down every change."""

    def __init__(self) -> None:
        self.apps: dict[str, models.Application] = {}
        self.clusters: dict[str, models.Cluster] = {}
        self.calls: list[tuple[str, str]] = []
        self.submitted: list[Any] = []
        self.fail: Exception | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get_application(self, cluster_id: str, name: str) -> models.Application:
        if name not in self.apps:
            raise errors.ApplicationNotFoundError("none", id=name)
        return self.apps[name]

    def submit(self, cluster_id: str, application: models.ApplicationConfiguration) -> None:
        self.calls.append(("submit", application.name))
        if self.fail:
            raise self.fail
        self.submitted.append(application)
        self.apps[application.name] = RUNNING

    def stop_application(self, cluster_id: str, name: str) -> None:
        self.calls.append(("stop", name))

    def create_cluster(self, conf: models.ClusterConfiguration) -> None:
        self.calls.append(("create", conf.cluster_id))
        if self.fail:
            raise self.fail
        self.submitted.append(conf)
        self.clusters[conf.cluster_id] = models.Cluster(id=conf.cluster_id, state=ClusterState.CREATING)

    def delete_cluster(self, cluster_id: str) -> bool:
        self.calls.append(("delete", cluster_id))
        return self.clusters.pop(cluster_id, None) is not None

    def get_cluster(self, cluster_id: str) -> models.Cluster:
        if cluster_id not in self.clusters:
            raise errors.ClusterNotFoundError("none", id=cluster_id)
        return self.clusters[cluster_id]

    def read_log(self, owner: str, name: str, offset: int = 0, max_bytes: int = 0) -> models.LogChunk:
        return models.LogChunk(offset=offset, data=b"first\nlast words\n"[offset:])


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any]) -> Client:
    found = Client()
    monkeypatch.setattr("airflow_provider_aztk.hooks.aztk.AztkHook.get_client", lambda _: found)
    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom.delete", lambda **_: None)
    return found


@pytest.fixture
def app(tmp_path: Path) -> AztkSubmitApplicationOperator:
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        return AztkSubmitApplicationOperator(
            task_id="spark",
            cluster_id="c",
            application={"name": "pi", "application": str(tmp_path / "pi.py")},
            execution_timeout=timedelta(hours=1),
            deferrable=True,
        )


@pytest.fixture
def create() -> AztkCreateClusterOperator:
    with DAG("etl", schedule=None):
        return AztkCreateClusterOperator(
            task_id="spark", cluster_conf={"cluster_id": "pi", "vm_count": 1}, deferrable=True
        )


def defer(operator: Any, context: Context) -> dict[str, Any]:
    """Run a try until it defers, and give its trigger's note of what was started."""
    with pytest.raises(TaskDeferred) as raised:
        operator.execute(context)
    remote: dict[str, Any] = raised.value.trigger.serialize()[1]["remote"]
    return remote


def event(remote: dict[str, Any], status: str = "success", **summary: Any) -> dict[str, Any]:
    """Make the event that ends a wait."""
    app_summary = {"name": "pi", "state": "completed", "outcome": "success", "exit_code": 0, "failure": None, **summary}
    result = {"applications": [app_summary], "log_offsets": {"pi": 0}}
    return {"status": status, "message": "pi ended", "code": None, "ids": [], "result": result, "remote": remote}


def test_the_note_is_written_before_the_call(client: Client, app: Any) -> None:
    context = Context()
    client.fail = KeyboardInterrupt()  # type: ignore[assignment] - as good as a SIGKILL: nothing of ours runs after it
    with pytest.raises(KeyboardInterrupt):
        app.execute(context)
    (call,) = client.calls
    assert context["task_state_store"][REMOTE_KEY]["remote"]["application_names"] == [call[1]]


@pytest.mark.parametrize("state", [RUNNING, DONE])
def test_a_retry_goes_on_with_what_lives(client: Client, app: Any, state: models.Application) -> None:
    context = Context()
    first = defer(app, context)
    client.apps[first["application_names"][0]] = state
    retry = Context(try_number=2, store=context["task_state_store"])
    assert defer(app, retry) == first
    assert [call[0] for call in client.calls] == ["submit"]


def test_a_retry_submits_under_the_same_id_what_never_arrived(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    client.apps.clear()
    assert defer(app, Context(try_number=2, store=context["task_state_store"])) == first
    assert client.calls[0] == client.calls[1]


def test_a_retry_starts_anew_what_failed(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    client.apps[first["application_names"][0]] = FAILED
    assert defer(app, Context(try_number=2, store=context["task_state_store"])) != first


@pytest.mark.parametrize("kwargs", [{"clear_number": 1}, {}])
def test_a_clear_starts_anew(client: Client, app: Any, kwargs: dict[str, int]) -> None:
    context = Context()
    first = defer(app, context)
    app.execute_complete(context, event(first))
    cleared = Context(try_number=2, store=context["task_state_store"], **kwargs)
    cleared["ti"].max_tries += 1  # as a clear does, also where it leaves the run's count alone
    assert defer(app, cleared) != first


def test_a_retry_after_the_end_gives_the_result_again(client: Client, app: Any) -> None:
    context = Context()
    result = app.execute_complete(context, event(defer(app, context)))
    client.apps.clear()
    assert app.execute(Context(try_number=2, store=context["task_state_store"])) == result
    assert [call[0] for call in client.calls] == ["submit"]


def test_without_a_state_store_it_still_works(client: Client, app: Any) -> None:
    context = Context()
    context["task_state_store"] = None
    assert app.execute_complete(context, event(defer(app, context)))["outcome"] == "success"


@pytest.mark.parametrize("error", ["Trigger timeout", "Trigger failure"])
def test_a_failed_deferral_cancels(client: Client, app: Any, error: str) -> None:
    context = Context()
    (name,) = defer(app, context)["application_names"]
    with pytest.raises((TaskDeferralError, TaskDeferralTimeout)):
        app.resume_execution("__fail__", {"error": error}, context)
    assert client.calls[-1] == ("stop", name)
    assert REMOTE_KEY not in context["task_state_store"]


def test_the_deadline_cancels_unless_told_otherwise(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    app.cancel_on_kill = False
    with pytest.raises(AirflowTaskTimeout):
        app.execute_complete(context, event(remote, "timeout"))
    assert ("stop", remote["application_names"][0]) not in client.calls
    assert REMOTE_KEY in context["task_state_store"], "it goes on, and a retry goes on waiting for it"
    app.cancel_on_kill = True
    with pytest.raises(AirflowTaskTimeout):
        app.execute_complete(context, event(remote, "timeout"))
    assert client.calls[-1] == ("stop", remote["application_names"][0])


def test_on_kill_cancels(client: Client, app: Any) -> None:
    remote = defer(app, Context())
    app.on_kill()
    assert client.calls[-1] == ("stop", remote["application_names"][0])


def test_a_failed_driver_is_told_with_exit_code_and_last_words(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    with pytest.raises(AztkApplicationError, match="last words") as raised:
        app.execute_complete(context, event(remote, "failed", outcome="failed", exit_code=7))
    assert raised.value.exit_code == 7
    assert REMOTE_KEY not in context["task_state_store"]


def test_execution_timeout_becomes_the_batch_tasks_own_limit(client: Client, app: Any) -> None:
    defer(app, Context())
    assert client.submitted[0].max_wall_clock == timedelta(hours=1)


def test_a_failed_create_deletes(client: Client, create: Any) -> None:
    context = Context()
    remote = defer(create, context)
    with pytest.raises(AztkClusterError):
        create.execute_complete(context, event(remote, "failed"))
    assert client.calls[-1] == ("delete", remote["cluster_ids"][0])


def test_a_create_that_breaks_off_deletes(client: Client, create: Any) -> None:
    client.fail = errors.ServiceError("half way", status=500)
    with pytest.raises(errors.ServiceError):
        create.execute(Context())
    assert [call[0] for call in client.calls] == ["create", "delete"]


def test_a_cluster_of_somebody_else_is_left_alone(client: Client, create: Any) -> None:
    client.fail = errors.ClusterExistsError("taken", id="pi")
    with pytest.raises(AirflowFailException):
        create.execute(Context())
    assert [call[0] for call in client.calls] == ["create"]


def test_a_half_made_cluster_is_finished_under_its_first_definition(client: Client, create: Any) -> None:
    context = Context()
    defer(create, context)
    retry = Context(try_number=2, store=context["task_state_store"])
    defer(create, retry)
    first, second = client.submitted
    assert first == second, "the same id, owner and all: another definition would be refused"


def test_a_cluster_has_limits_and_an_owner(client: Client, create: Any) -> None:
    defer(create, Context())
    (conf,) = client.submitted
    assert (conf.max_lifetime, conf.idle_timeout) == (timedelta(days=3), timedelta(hours=1))
    assert conf.metadata["airflow_dag"] == "etl"


def test_an_exact_id_is_kept_and_a_cluster_that_was_there_survives(client: Client, create: Any) -> None:
    create.exact_id = True
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.READY)
    remote = defer(create, Context())
    assert remote["cluster_ids"] == ["pi"]
    create.on_kill()
    assert ("delete", "pi") not in client.calls


def test_secrets_in_clear_text_are_refused_at_parse_time() -> None:
    with DAG("etl", schedule=None), pytest.raises(ValueError, match="clear text"):
        AztkSubmitApplicationOperator(
            task_id="x",
            cluster_id="c",
            application={"name": "a", "application": "a.py", "secret_env": {"K": "hunter2"}},
        )
