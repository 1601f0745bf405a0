"""What a try does with what an earlier one began, where the DAG was edited, or Azure cannot be asked just then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.exceptions import AztkClusterError, AztkTaskError
from airflow_provider_aztk.operators.application import AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClustersOperator
from airflow_provider_aztk.operators.job import AztkSubmitJobOperator
from airflow_provider_aztk.operators.task_state import TASK_STATE_KEY
from tests.support.airflow_home import Context
from tests.support.fake_client import Client, defer, event

if TYPE_CHECKING:
    from pathlib import Path


def cut(*_: Any, **__: Any) -> NoReturn:
    raise errors.ConnectionFailedError("the connection was cut")


def killed(client: Client, operator: Any) -> Context:
    """Run a first try, whose process dies while it starts things; give its context."""
    context = Context()
    client.fail = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        operator.execute(context)
    client.fail = None
    return context


def retry_of(context: Context, **kwargs: Any) -> Context:
    return Context(try_number=2, store=context["task_state_store"], **kwargs)


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_clusters_is_begun_anew(client: Client, count: int) -> None:
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
def test_another_number_of_applications_is_begun_anew(
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


def test_a_job_of_other_applications_is_begun_anew(
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


def test_what_may_have_been_created_and_cannot_be_deleted_is_not_forgotten(
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


def test_a_failed_cluster_that_cannot_be_deleted_is_not_forgotten(
    client: Client, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context()
    first = defer(create, context)
    monkeypatch.setattr(client, "delete_cluster", cut)
    with pytest.raises(AztkClusterError):
        create.execute_complete(context, event(first, "failed"))
    assert context["task_state_store"][TASK_STATE_KEY]["remote"] == first


def test_what_cannot_be_ended_is_not_replaced_yet(client: Client, create: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context()
    first = defer(create, context)
    client.fail = errors.ClusterExistsError("another definition", id=first["cluster_ids"][0])
    monkeypatch.setattr(client, "delete_cluster", cut)
    with pytest.raises(AztkTaskError, match=f"Cluster {first['cluster_ids'][0]} cannot be ended now"):
        create.execute(retry_of(context))
    assert context["task_state_store"][TASK_STATE_KEY]["remote"] == first, "a later try can do it"


@pytest.fixture
def two_shared(client: Client, monkeypatch: pytest.MonkeyPatch) -> AztkCreateClustersOperator:
    """Two clusters with exact ids; another run makes the second one, by another definition, after the plan."""
    with DAG("etl", schedule=None):
        confs = [{"cluster_id": "mine", "vm_count": 1}, {"cluster_id": "theirs", "vm_count": 1}]
        several = AztkCreateClustersOperator(task_id="spark", cluster_confs=confs, exact_id=True, deferrable=True)
    create_cluster = client.create_cluster

    def create(conf: models.ClusterConfiguration) -> None:
        create_cluster(conf)
        if conf.cluster_id == "theirs":
            raise errors.ClusterExistsError("of another definition", id="theirs")

    monkeypatch.setattr(client, "create_cluster", create)
    return several


def test_a_shared_cluster_that_another_run_made_meanwhile_is_left_alone(client: Client, two_shared: Any) -> None:
    with pytest.raises(AirflowFailException, match="another definition"):
        two_shared.execute(Context())
    assert list(client.clusters) == ["theirs"]


def test_a_shared_cluster_of_another_run_is_not_saved_as_made_by_this_one(
    client: Client, two_shared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "delete_cluster", cut)
    context = Context()
    with pytest.raises(AirflowFailException, match="another definition"):
        two_shared.execute(context)
    assert context["task_state_store"][TASK_STATE_KEY]["remote"]["made_ids"] == ["mine"]


def test_a_definition_that_is_invalid_by_now_cancels_what_the_earlier_try_began(client: Client, create: Any) -> None:
    context = Context()
    (cluster_id,) = defer(create, context)["cluster_ids"]
    create.cluster_conf = {"cluster_id": "pi", "vm_count": "many"}
    with pytest.raises(AirflowFailException, match="vm_count"):
        create.execute(retry_of(context))
    assert client.calls[-1] == ("delete", cluster_id)
    assert TASK_STATE_KEY not in context["task_state_store"]
