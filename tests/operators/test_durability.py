"""What a try does with what an earlier one left, told by its calls; real processes are killed in tests/e2e."""

from __future__ import annotations

import threading
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
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.exceptions import AztkApplicationError, AztkCancelledError, AztkClusterError
from airflow_provider_aztk.operators.application import AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.application_work import StartedApplications
from airflow_provider_aztk.operators.cluster import (
    AztkCreateClusterOperator,
    AztkCreateClustersOperator,
    AztkDeleteClusterOperator,
)
from airflow_provider_aztk.operators.task_state import TASK_STATE_KEY
from tests.support.airflow_home import Context
from tests.support.fake_client import DONE, FAILED, RUNNING, Client, defer, event

if TYPE_CHECKING:
    from pathlib import Path


def test_the_note_is_written_before_the_call(client: Client, app: Any) -> None:
    context = Context()
    client.fail = KeyboardInterrupt()  # type: ignore[assignment] - as good as a SIGKILL: nothing of ours runs after it
    with pytest.raises(KeyboardInterrupt):
        app.execute(context)
    (call,) = client.calls
    assert context["task_state_store"][TASK_STATE_KEY]["remote"]["application_names"] == [call[1]]


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


def test_a_retry_replaces_what_was_half_made_by_another_definition(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context()
    (first,) = defer(create, context)["cluster_ids"]
    client.fail = errors.ClusterExistsError("another definition", id=first)
    delete = client.delete_cluster

    def delete_and_make_way(cluster_id: str, *, keep_logs: bool = False) -> bool:
        client.fail = None
        return delete(cluster_id, keep_logs=keep_logs)

    monkeypatch.setattr(client, "delete_cluster", delete_and_make_way)
    retry = Context(try_number=2, store=context["task_state_store"])
    (second,) = defer(create, retry)["cluster_ids"]
    assert second != first
    assert list(client.clusters) == [second]


def test_a_retry_never_replaces_a_cluster_that_is_shared(client: Client) -> None:
    with DAG("etl", schedule=None):
        shared = AztkCreateClusterOperator(
            task_id="spark", cluster_conf={"cluster_id": "pi", "vm_count": 1}, exact_id=True, deferrable=True
        )
    context = Context()
    defer(shared, context)
    client.fail = errors.ClusterExistsError("another definition", id="pi")
    with pytest.raises(AirflowFailException, match="another definition"):
        shared.execute(Context(try_number=2, store=context["task_state_store"]))
    assert list(client.clusters) == ["pi"]


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


def test_the_event_of_an_earlier_try_is_not_taken_for_ones_own(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    cleared = Context(try_number=2, store=context["task_state_store"], clear_number=1)
    second = defer(app, cleared)
    calls = list(client.calls)
    with pytest.raises(TaskDeferred) as again:
        app.execute_complete(cleared, event(first, "failed", outcome="stopped"))
    assert again.value.trigger.serialize()[1]["remote"] == second
    assert client.calls == calls, "nothing is ended, nothing is submitted"
    assert app.execute_complete(cleared, event(second))["outcome"] == "success"


def test_a_deletion_woken_by_another_ones_event_deletes_its_own(client: Client) -> None:
    with DAG("etl", schedule=None):
        delete = AztkDeleteClusterOperator(task_id="x", cluster_id="new", wait_for_completion=True, deferrable=True)
    stale = {"status": "success", "message": None, "ids": ["old"], "remote": {"deleted_id": "old", "deleted": True}}
    with pytest.raises(TaskDeferred) as again:
        delete.execute_complete(Context(), stale)
    assert client.calls == [("delete", "new")]
    own = again.value.trigger.serialize()[1]["remote"]
    assert delete.execute_complete(Context(), {**stale, "ids": ["new"], "remote": own}) is False


def test_a_state_store_that_fails_does_not_undo_the_work(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)

    class Broken(dict[str, Any]):
        def get(self, *_: object) -> Any:
            raise RuntimeError("the API server is restarting")

    context["task_state_store"] = Broken(context["task_state_store"])
    assert app.execute_complete(context, event(remote))["outcome"] == "success"


@pytest.mark.parametrize(("cut_short", "kind"), [("MasterFailed", AztkClusterError), (None, AztkCancelledError)])
def test_stopped_by_somebody_or_with_its_cluster(
    client: Client, app: Any, cut_short: str | None, kind: type[Exception]
) -> None:
    context = Context()
    told = event(defer(app, context), "failed", outcome="stopped", exit_code=None)
    told["result"]["cut_short"] = cut_short
    with pytest.raises(kind):
        app.execute_complete(context, told)


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
    assert TASK_STATE_KEY not in context["task_state_store"]


def test_the_deadline_cancels_unless_told_otherwise(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    app.cancel_on_kill = False
    with pytest.raises(AirflowTaskTimeout):
        app.execute_complete(context, event(remote, "timeout"))
    assert ("stop", remote["application_names"][0]) not in client.calls
    assert TASK_STATE_KEY in context["task_state_store"], "it goes on, and a retry goes on waiting for it"
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
    assert TASK_STATE_KEY not in context["task_state_store"]


def test_an_application_that_somebody_stopped_is_told_apart(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    with pytest.raises(AztkCancelledError):
        app.execute_complete(context, event(remote, "failed", outcome="stopped", exit_code=220))


def test_applications_of_a_cluster_that_cannot_come_are_stopped(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    with pytest.raises(AztkClusterError, match="pi ended"):
        app.execute_complete(context, event(remote, "failed", state="active", outcome=None))
    assert client.calls[-1] == ("stop", remote["application_names"][0])


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


def test_the_log_of_a_created_cluster_tells_of_workers_that_will_not_come(
    client: Client, create: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    context = Context()
    remote = defer(create, context)
    failed = models.FailedWorker(task_id="aztk-worker-001", node_id="n", message="it ended", last_lines=["the cause"])
    (cluster_id,) = remote["cluster_ids"]
    client.clusters[cluster_id] = models.Cluster(
        id=cluster_id, state=ClusterState.READY, workers=1, target_workers=2, failed_workers=[failed]
    )
    create.execute_complete(context, event(remote))
    said = capsys.readouterr().out + caplog.text
    assert "1 of 2 workers are there; 1 will not come" in said
    assert "the cause" in said


@pytest.fixture
def shared(create: AztkCreateClusterOperator) -> AztkCreateClusterOperator:
    """The same with an exact id."""
    create.exact_id = True
    return create


def test_a_shared_cluster_that_was_there_survives_every_end(client: Client, shared: Any) -> None:
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.READY)
    context = Context()
    remote = defer(shared, context)
    assert remote["cluster_ids"] == ["pi"]
    shared.on_kill()
    with pytest.raises(TaskDeferralTimeout):
        shared.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    with pytest.raises(AztkClusterError):
        shared.execute_complete(context, event(remote, "failed"))
    assert "delete" not in [call[0] for call in client.calls]


def test_a_retry_knows_that_it_made_the_shared_cluster(client: Client, shared: Any) -> None:
    context = Context()
    defer(shared, context)  # makes it; it is being created
    retry = Context(try_number=2, store=context["task_state_store"])
    remote = defer(shared, retry)
    with pytest.raises(AztkClusterError):
        shared.execute_complete(retry, event(remote, "failed"))
    assert client.calls[-1] == ("delete", "pi")


def test_a_shared_cluster_that_has_ended_makes_way(client: Client, shared: Any) -> None:
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.ENDED)
    defer(shared, Context())
    assert client.calls == [("make way", "pi"), ("create", "pi")]


def test_a_clear_leaves_the_shared_cluster_alone(client: Client, shared: Any) -> None:
    context = Context()
    defer(shared, context)
    client.clusters["pi"] = models.Cluster(id="pi", state=ClusterState.READY)
    cleared = Context(try_number=2, clear_number=1, store=context["task_state_store"])
    defer(shared, cleared)
    assert [call[0] for call in client.calls] == ["create", "create"], "the second call finds it, and changes nothing"


def test_a_cleared_create_deletes_the_cluster_it_had_made(client: Client, create: Any) -> None:
    context = Context()
    first = defer(create, context)["cluster_ids"][0]
    second = defer(create, Context(try_number=2, clear_number=1, store=context["task_state_store"]))["cluster_ids"][0]
    assert client.calls == [("create", first), ("delete", first), ("create", second)]


@pytest.mark.parametrize("exact_id", [False, True])
def test_several_clusters_are_all_or_none(client: Client, exact_id: bool) -> None:
    with DAG("etl", schedule=None):
        confs = [{"cluster_id": "a", "vm_count": 1}, {"cluster_id": "b", "vm_count": 1}]
        several = AztkCreateClustersOperator(task_id="x", cluster_confs=confs, exact_id=exact_id, deferrable=True)
    made: list[str] = []

    def refuse_the_second(conf: models.ClusterConfiguration) -> None:
        if conf.cluster_id.startswith("b"):
            raise errors.ClusterExistsError("taken", id=conf.cluster_id)
        made.append(conf.cluster_id)
        client.clusters[conf.cluster_id] = models.Cluster(id=conf.cluster_id, state=ClusterState.CREATING)

    if exact_id:
        client.clusters["b"] = models.Cluster(id="b", state=ClusterState.READY)
    client.create_cluster = refuse_the_second  # type: ignore[method-assign]  # in place of the fake's own
    with pytest.raises(AirflowFailException):
        several.execute(Context())
    assert len(made) == 1
    assert ("delete", made[0]) in client.calls
    assert ("delete", "b") not in client.calls, "it was there before"


def test_a_retry_after_the_end_tells_the_ids_again(client: Client, create: Any) -> None:
    context = Context()
    remote = defer(create, context)
    client.clusters[remote["cluster_ids"][0]] = models.Cluster(id="pi", state=ClusterState.READY)
    create.execute_complete(context, event(remote))
    retry = Context(try_number=2, store=context["task_state_store"])
    create.pushed_links.clear()  # another process
    create.execute(retry)
    assert retry.xcoms["cluster_id"] == remote["cluster_ids"][0], "Airflow drops XComs when a try begins"
    assert "aztk_batch_job_link" in retry.xcoms


def test_on_a_last_try_that_cannot_look_what_runs_is_cancelled(client: Client, app: Any) -> None:
    context = Context()
    (name,) = defer(app, context)["application_names"]

    def fail(*_: object) -> None:
        raise errors.ServiceError("busy", status=503)

    client.get_application = fail  # type: ignore[method-assign,assignment]  # in place of the fake's own
    with pytest.raises(errors.ServiceError):
        app.execute(Context(try_number=2, store=context["task_state_store"]))
    assert ("stop", name) not in client.calls, "another try comes"
    with pytest.raises(errors.ServiceError):
        app.execute(Context(try_number=3, store=context["task_state_store"]))
    assert client.calls[-1] == ("stop", name)


def test_a_retry_does_not_go_on_with_what_was_told_to_stop(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    app.on_kill()
    assert defer(app, Context(try_number=2, store=context["task_state_store"])) != first


def test_a_store_that_fails_at_the_end_does_not_fail_the_task(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)

    def fail(*_: object) -> None:
        raise RuntimeError("API server: 500")

    context["task_state_store"].set = fail
    assert app.execute_complete(context, event(remote))["outcome"] == "success"


def test_a_result_that_is_too_large_for_the_store_is_not_noted(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    result = app.execute_complete(context, event(remote, failure="x" * 100_000))
    assert result["outcome"] == "success"
    assert len(str(context["task_state_store"])) < 1000


def test_without_cancelling_azure_gets_no_limit_either(client: Client, app: Any) -> None:
    app.cancel_on_kill = False
    defer(app, Context())
    assert client.submitted[0].max_wall_clock is None


def test_the_shorter_limit_counts(client: Client, app: Any) -> None:
    app.application["max_wall_clock"] = "10h"
    defer(app, Context())
    assert client.submitted[0].max_wall_clock == timedelta(hours=1)


def test_many_applications_are_stopped_side_by_side(client: Client, tmp_path: Path) -> None:
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        many = AztkSubmitApplicationsOperator(
            task_id="x", cluster_id="c", applications=[{"application": str(tmp_path / "pi.py")}] * 20
        )
    at_once = threading.Barrier(4)
    seen: list[str] = []

    def stop(_: str, name: str) -> None:
        at_once.wait(timeout=10)
        seen.append(name)
        if len(seen) == 1:
            raise errors.ApplicationNotFoundError("gone", id=name)

    client.stop_application = stop  # type: ignore[method-assign]  # in place of the fake's own
    names = [f"n{number}" for number in range(20)]
    many.make_work(Context()).cancel(client, StartedApplications("c", names))  # type: ignore[arg-type]  # fakes
    assert sorted(seen) == sorted(names)
