"""The life of a durable task: its end, its deferral, its last try, and being killed."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowTaskTimeout,
    TaskDeferralError,
    TaskDeferralTimeout,
    TaskDeferred,
)

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client.models import ClusterState
from airflow_provider_aztk.exceptions import AztkClusterError
from airflow_provider_aztk.operators.task_state import TASK_STATE_KEY
from tests.support.airflow_home import Context
from tests.support.fake_client import Client, cut, defer, event, retry_of


def test_a_retry_after_the_end_gives_the_result_again(client: Client, app: Any) -> None:
    context = Context()
    result = app.execute_complete(context, event(defer(app, context)))
    client.apps.clear()
    assert app.execute(Context(try_number=2, store=context["task_state_store"])) == result
    assert [call[0] for call in client.calls] == ["submit"]


def test_a_retry_after_the_end_pushes_the_ids_again(client: Client, create: Any) -> None:
    context = Context()
    remote = defer(create, context)
    client.clusters[remote["cluster_ids"][0]] = models.Cluster(id="pi", state=ClusterState.READY)
    create.execute_complete(context, event(remote))
    retry = Context(try_number=2, store=context["task_state_store"])
    create.pushed_links.clear()  # another process
    create.execute(retry)
    assert retry.xcoms["cluster_id"] == remote["cluster_ids"][0], "Airflow drops XComs when a try begins"
    assert "aztk_batch_job_link" in retry.xcoms


def test_the_event_of_an_earlier_try_does_not_end_the_wait(client: Client, app: Any) -> None:
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


@pytest.mark.parametrize("error", ["Trigger timeout", "Trigger failure"])
def test_a_failed_deferral_cancels_the_application(client: Client, app: Any, error: str) -> None:
    context = Context()
    (name,) = defer(app, context)["application_names"]
    with pytest.raises((TaskDeferralError, TaskDeferralTimeout)):
        app.resume_execution("__fail__", {"error": error}, context)
    assert client.calls[-1] == ("stop", name)
    assert TASK_STATE_KEY not in context["task_state_store"]


def test_the_deadline_cancels_the_application_unless_cancel_on_kill_is_off(client: Client, app: Any) -> None:
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


def test_on_kill_cancels_the_application(client: Client, app: Any) -> None:
    remote = defer(app, Context())
    app.on_kill()
    assert client.calls[-1] == ("stop", remote["application_names"][0])


def test_a_last_try_that_cannot_ask_azure_cancels_what_runs(client: Client, app: Any) -> None:
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


def test_a_result_that_cannot_be_read_leaves_the_cluster_to_the_next_try(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context()
    first = defer(create, context)
    with monkeypatch.context() as patch:
        patch.setattr(client, "get_cluster", cut)
        with pytest.raises(errors.ConnectionFailedError):
            create.execute_complete(context, event(first))
    assert defer(create, retry_of(context)) == first
    assert ("delete", first["cluster_ids"][0]) not in client.calls


def test_a_result_that_cannot_be_read_on_the_last_try_ends_the_cluster(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(try_number=3)
    first = defer(create, context)
    monkeypatch.setattr(client, "get_cluster", cut)
    with pytest.raises(errors.ConnectionFailedError):
        create.execute_complete(context, event(first))
    assert not client.clusters
    assert TASK_STATE_KEY not in context["task_state_store"]


def test_a_failed_cluster_that_cannot_be_deleted_stays_saved(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context()
    first = defer(create, context)
    monkeypatch.setattr(client, "delete_cluster", cut)
    with pytest.raises(AztkClusterError):
        create.execute_complete(context, event(first, "failed"))
    assert context["task_state_store"][TASK_STATE_KEY]["remote"] == first
