"""What a try does with what an earlier one began, as its calls show; real processes are killed in tests/e2e."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
)

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.exceptions import AztkTaskError
from airflow_provider_aztk.operators.application import AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import (
    AztkCreateClustersOperator,
)
from airflow_provider_aztk.operators.job import AztkSubmitJobOperator
from airflow_provider_aztk.operators.task_state import TASK_STATE_KEY
from tests.support.airflow_home import Context
from tests.support.fake_client import DONE, FAILED, RUNNING, Client, cut, defer, killed, retry_of

if TYPE_CHECKING:
    from pathlib import Path


def test_the_ids_are_saved_before_the_call(client: Client, app: Any) -> None:
    context = Context()
    client.fail = KeyboardInterrupt()  # type: ignore[assignment] - as good as a SIGKILL: nothing of ours runs after it
    with pytest.raises(KeyboardInterrupt):
        app.execute(context)
    (call,) = client.calls
    assert context["task_state_store"][TASK_STATE_KEY]["remote"]["application_names"] == [call[1]]


@pytest.mark.parametrize("state", [RUNNING, DONE])
def test_a_retry_continues_what_runs_or_has_succeeded(client: Client, app: Any, state: models.Application) -> None:
    context = Context()
    first = defer(app, context)
    client.apps[first["application_names"][0]] = state
    retry = Context(try_number=2, store=context["task_state_store"])
    assert defer(app, retry) == first
    assert [call[0] for call in client.calls] == ["submit"]


def test_a_retry_submits_what_never_arrived_under_the_same_id(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    client.apps.clear()
    assert defer(app, Context(try_number=2, store=context["task_state_store"])) == first
    assert client.calls[0] == client.calls[1]


def test_a_retry_starts_what_failed_under_a_new_id(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    client.apps[first["application_names"][0]] = FAILED
    assert defer(app, Context(try_number=2, store=context["task_state_store"])) != first


def test_a_retry_does_not_continue_an_application_that_is_being_stopped(client: Client, app: Any) -> None:
    context = Context()
    first = defer(app, context)
    app.on_kill()
    assert defer(app, Context(try_number=2, store=context["task_state_store"])) != first


def test_a_retry_replaces_what_an_earlier_try_began_by_another_definition(
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


def test_an_incomplete_cluster_is_completed_under_its_first_definition(client: Client, create: Any) -> None:
    context = Context()
    defer(create, context)
    retry = Context(try_number=2, store=context["task_state_store"])
    defer(create, retry)
    first, second = client.submitted
    assert first == second, "the same id, owner and all: another definition would be refused"


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_clusters_replaces_the_first_ones(client: Client, count: int) -> None:
    def clusters(number: int) -> AztkCreateClustersOperator:
        with DAG("etl", schedule=None):
            confs = [{"cluster_id": "pi", "vm_count": 1}] * number
            return AztkCreateClustersOperator(task_id="spark", cluster_confs=confs, deferrable=True)

    context = Context()
    first = defer(clusters(2), context)
    client.clusters.pop(first["cluster_ids"][1])  # it was not created any more
    second = defer(clusters(count), retry_of(context))
    assert len(second["cluster_ids"]) == count
    assert sorted(client.clusters) == sorted(second["cluster_ids"]), "nothing of the first try is left"


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_applications_replaces_the_first_ones(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int
) -> None:
    (tmp_path / "pi.py").write_text("")

    def submit_all(cluster_id: str, applications: list[models.ApplicationConfiguration]) -> None:
        for application in applications:
            client.submit(cluster_id, application)

    def applications(number: int) -> AztkSubmitApplicationsOperator:
        with DAG("etl", schedule=None):
            found = [{"name": "pi", "application": str(tmp_path / "pi.py")}] * number
            return AztkSubmitApplicationsOperator(task_id="spark", cluster_id="c", applications=found, deferrable=True)

    monkeypatch.setattr(client, "submit_all_applications", submit_all, raising=False)
    context = Context()
    first = defer(applications(2), context)["application_names"]
    client.apps.pop(first[1])
    second = defer(applications(count), retry_of(context))["application_names"]
    assert len(second) == count
    assert ("stop", first[0]) in client.calls
    assert [name for what, name in client.calls if what == "submit"] == [*first, *second]


def test_a_job_of_other_applications_replaces_the_first_one(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pi.py").write_text("")
    submitted: list[models.JobConfiguration] = []

    def submit_job(model: models.JobConfiguration) -> None:
        submitted.append(model)
        if client.fail:
            raise client.fail

    def get_job(job_id: str) -> NoReturn:
        raise errors.JobNotFoundError("none", id=job_id)

    monkeypatch.setattr(client, "submit_job", submit_job, raising=False)
    monkeypatch.setattr(client, "get_job", get_job, raising=False)
    monkeypatch.setattr(client, "delete_job", lambda job_id, keep_logs: False, raising=False)

    def job(*names: str) -> AztkSubmitJobOperator:
        found = [{"name": name, "application": str(tmp_path / "pi.py")} for name in names]
        conf = {"id": "j", "vm_size": "standard_d2s_v5", "max_dedicated_nodes": 1, "applications": found}
        with DAG("etl", schedule=None):
            return AztkSubmitJobOperator(task_id="spark", job_configuration=conf, deferrable=True)

    remote = defer(job("b", "c"), retry_of(killed(client, job("a"))))
    assert remote["application_names"] == ["b", "c"], "their logs are read by these names"
    assert [app.name for app in submitted[-1].applications] == ["b", "c"]
    assert submitted[-1].id == remote["job_id"]


def test_a_definition_that_is_invalid_by_now_cancels_what_the_earlier_try_began(client: Client, create: Any) -> None:
    context = Context()
    (cluster_id,) = defer(create, context)["cluster_ids"]
    create.cluster_conf = {"cluster_id": "pi", "vm_count": "many"}
    with pytest.raises(AirflowFailException, match="vm_count"):
        create.execute(retry_of(context))
    assert client.calls[-1] == ("delete", cluster_id)
    assert TASK_STATE_KEY not in context["task_state_store"]


def test_what_may_have_been_created_and_cannot_be_deleted_stays_saved(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context()
    client.fail = errors.ConnectionFailedError("cut")
    with monkeypatch.context() as patch:
        patch.setattr(client, "delete_cluster", cut)
        with pytest.raises(errors.ConnectionFailedError):
            create.execute(context)
    client.fail = None
    (call,) = client.calls
    assert defer(create, retry_of(context))["cluster_ids"] == [call[1]], "the next try finishes it"


def test_a_cluster_that_cannot_be_deleted_is_not_replaced(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context()
    first = defer(create, context)
    client.fail = errors.ClusterExistsError("another definition", id=first["cluster_ids"][0])
    monkeypatch.setattr(client, "delete_cluster", cut)
    with pytest.raises(AztkTaskError, match=f"Cluster {first['cluster_ids'][0]} cannot be ended now"):
        create.execute(retry_of(context))
    assert context["task_state_store"][TASK_STATE_KEY]["remote"] == first, "a later try can do it"


def test_a_cluster_whose_creation_breaks_off_is_deleted(client: Client, create: Any) -> None:
    client.fail = errors.ServiceError("half way", status=500)
    with pytest.raises(errors.ServiceError):
        create.execute(Context())
    assert [call[0] for call in client.calls] == ["create", "delete"]


def test_a_cluster_of_somebody_else_is_not_deleted(client: Client, create: Any) -> None:
    client.fail = errors.ClusterExistsError("taken", id="pi")
    with pytest.raises(AirflowFailException):
        create.execute(Context())
    assert [call[0] for call in client.calls] == ["create"]


def test_a_cleared_create_deletes_the_cluster_it_had_made(client: Client, create: Any) -> None:
    context = Context()
    first = defer(create, context)["cluster_ids"][0]
    second = defer(create, Context(try_number=2, clear_number=1, store=context["task_state_store"]))["cluster_ids"][0]
    assert client.calls == [("create", first), ("delete", first), ("create", second)]
