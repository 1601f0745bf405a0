"""What the reaper takes, what it leaves alone, and what it does where something cannot be removed."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import ClusterState, JobState
from airflow_provider_aztk.naming import KEPT, owner_metadata
from airflow_provider_aztk.operators.reap import AztkReapClustersOperator
from airflow_provider_aztk.reaper import find, reap
from airflow_provider_aztk.settings import deployment_id

OLD = datetime.now(UTC) - timedelta(hours=1)
RUN = {"airflow_dag": "etl", "airflow_run": "r1", "airflow_deployment": "here"}


def cluster(id: str, **kwargs: Any) -> models.Cluster:
    """A cluster of a run that is over."""
    return models.Cluster(**{"id": id, "state": ClusterState.READY, "creation_time": OLD, "metadata": RUN, **kwargs})


def job(id: str, **kwargs: Any) -> models.Job:
    """A job of a run that is over."""
    return models.Job(**{"id": id, "state": JobState.ACTIVE, "creation_time": OLD, "metadata": RUN, **kwargs})


def pool(id: str, **kwargs: Any) -> models.OrphanedPool:
    """A pool whose job is gone."""
    return models.OrphanedPool(**{"id": id, "cluster_id": "c", "since": OLD, "metadata": RUN, **kwargs})


class Account:
    """An account with clusters and jobs, one of which cannot be deleted."""

    def __init__(
        self, *things: models.Cluster | models.Job | models.OrphanedPool, service_time: datetime | None = None
    ) -> None:
        self.things = things
        self.deleted: list[tuple[str, bool]] = []
        self.service_time = service_time or datetime.now(UTC)

    def list_clusters(self) -> list[models.Cluster]:
        return [thing for thing in self.things if isinstance(thing, models.Cluster)]

    def list_jobs(self) -> list[models.Job]:
        return [thing for thing in self.things if isinstance(thing, models.Job)]

    def delete_cluster(self, id: str, *, keep_logs: bool = False) -> None:
        if id == "stuck":
            raise RuntimeError("cannot")
        self.deleted.append((id, keep_logs))

    delete_job = delete_cluster

    def list_orphaned_pools(self) -> list[models.OrphanedPool]:
        return [thing for thing in self.things if isinstance(thing, models.OrphanedPool)]

    def delete_orphaned_pools(self, cluster_id: str) -> list[str]:
        self.deleted.append((f"pools of {cluster_id}", False))
        return []


def test_an_age_is_told_by_the_services_clock() -> None:
    account = Account(cluster("young", creation_time=OLD), service_time=OLD + timedelta(minutes=1))
    assert run_reaper(account, min_age=timedelta(minutes=5)).removed == [], "this machine's clock is an hour ahead"
    (owned,) = find(Account(cluster("x"), service_time=OLD + timedelta(minutes=7)), "here", lambda dag, run: True)
    assert owned.age == timedelta(minutes=7)


def run_reaper(account: Any, *, deployment: str = "here", over: bool = True, **kwargs: Any) -> Any:
    """Reap, in earnest unless told otherwise."""
    found = find(account, deployment, lambda dag, run: over)
    return reap(account, found, **{"deployment": deployment, "dry_run": False, **kwargs})


def test_clusters_and_jobs_of_runs_that_are_over_go() -> None:
    account = Account(cluster("c"), job("j"))
    assert [owned.id for owned in run_reaper(account, keep_logs=True).removed] == ["c", "j"]
    assert account.deleted == [("c", True), ("j", True)]


def test_a_pool_of_a_shared_cluster_that_is_gone_goes_too() -> None:
    shared = {"airflow_deployment": "here", "airflow_shared": "true"}
    assert [owned.id for owned in run_reaper(Account(pool("p", metadata=shared))).removed] == ["p"]


@pytest.mark.parametrize("over", [True, False])
def test_a_pool_that_outlived_its_job_goes_whether_its_run_is_over_or_not(over: bool) -> None:
    account = Account(pool("p"))
    assert [(owned.kind, owned.id) for owned in run_reaper(account, over=over).removed] == [("pool", "p")]
    assert account.deleted == [("pools of c", False)]


@pytest.mark.parametrize(
    "thing",
    [
        pool("young-pool", since=datetime.now(UTC)),
        pool("their-pool", metadata={**RUN, "airflow_deployment": "there"}),
        pool("nobodys-pool", metadata={}),
        cluster("young", creation_time=datetime.now(UTC)),
        cluster("theirs", metadata={**RUN, "airflow_deployment": "there"}),
        cluster("nobodys", metadata={}),
        cluster("shared", metadata={"airflow_deployment": "here", "airflow_shared": "true"}),
        job("kept", state=JobState.COMPLETED, metadata={**RUN, **KEPT}),
    ],
    ids=lambda thing: thing.id,
)
def test_what_is_left_alone(thing: Any) -> None:
    account = Account(thing)
    assert run_reaper(account).removed == []
    assert account.deleted == []


def test_a_job_that_is_to_be_kept_goes_while_it_still_runs() -> None:
    assert [owned.id for owned in run_reaper(Account(job("j", metadata={**RUN, **KEPT}))).removed] == ["j"]


def test_a_run_that_goes_on_keeps_its_cluster() -> None:
    assert run_reaper(Account(cluster("c")), over=False).removed == []


def test_a_dry_run_removes_nothing() -> None:
    account = Account(cluster("c"))
    assert [owned.id for owned in run_reaper(account, dry_run=True).removed] == ["c"]
    assert account.deleted == []


def test_one_that_cannot_be_removed_does_not_save_the_others() -> None:
    account = Account(cluster("a"), cluster("stuck"), cluster("z"))
    reaped = run_reaper(account)
    assert [owned.id for owned in reaped.removed] == ["a", "z"]
    assert [(owned.id, str(error)) for owned, error in reaped.failed] == [("stuck", "cannot")]


def test_a_deployment_without_a_name_reaps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__API__BASE_URL", raising=False)
    monkeypatch.delenv("AIRFLOW__AZTK__DEPLOYMENT_ID", raising=False)
    assert deployment_id() == "", "two deployments that are told nothing must not take each other's for their own"
    metadata = {key: value for key, value in RUN.items() if key != "airflow_deployment"}
    account = Account(cluster("c", metadata=metadata))
    with pytest.raises(ValueError, match="deployment_id"):
        run_reaper(account, deployment="")
    assert account.deleted == []


NOBODYS = [
    "http://localhost:8080",
    "http://LOCALHOST:8080/",
    "http://airflow.localhost:8080",
    "http://127.0.0.1:8080",
    "http://127.1:8080",
    "http://[::1]:8080",
    "http://[::ffff:127.0.0.1]:8080",
    "http://0.0.0.0:8080",
    "http://[::]:8080",
    "http://10.0.0.4:8080",
    "http://192.168.1.10:8080/airflow",
    "http://169.254.1.1",
    "http://airflow:8080",
    "http://airflow-webserver.airflow.svc.cluster.local:8080",
    "http://host.docker.internal:8080",
    "http://raspberry.lan",
    "https://airflow.example.com",
    "http://",
    "http://[",
    "airflow.contoso.com",
    "   ",
]


@pytest.mark.parametrize("url", NOBODYS)
def test_an_address_that_others_have_too_is_no_deployment_id(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__AZTK__DEPLOYMENT_ID", raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", url)
    assert deployment_id() == ""
    theirs = Account(cluster("running", metadata={**RUN, "airflow_deployment": ""}))
    with pytest.raises(ValueError, match=r"nothing is reaped: \[aztk\] deployment_id: .* set it in airflow.cfg"):
        run_reaper(theirs, deployment=deployment_id())
    assert theirs.deleted == []


@pytest.mark.parametrize(
    "url", ["https://airflow.contoso.com", "https://airflow.contoso.com/a", "https://20.50.2.1:8080"]
)
def test_a_public_address_names_a_deployment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__AZTK__DEPLOYMENT_ID", raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", url)
    found = deployment_id()
    assert found.startswith("url-")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", url + "/")
    assert deployment_id() == found
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", url + "x")
    assert deployment_id() != found
    monkeypatch.setenv("AIRFLOW__AZTK__DEPLOYMENT_ID", " prod ")
    assert deployment_id() == "prod"


def test_two_laptops_do_not_reap_each_others_clusters(
    monkeypatch: pytest.MonkeyPatch, make_context: Any, connection: dict[str, Any]
) -> None:
    monkeypatch.delenv("AIRFLOW__AZTK__DEPLOYMENT_ID", raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080")
    context = make_context()
    context["ti"].get_dr_count = lambda **_: 0  # the other laptop's run is none of ours
    account = Account(cluster("theirs", metadata=owner_metadata(context, deployment_id())))
    monkeypatch.setattr(
        "airflow_provider_aztk.hooks.aztk.AztkHook.get_client", lambda _: contextlib.nullcontext(account)
    )
    with DAG("maintenance", schedule=None):
        operator = AztkReapClustersOperator(task_id="reap", dry_run=False)
    with pytest.raises(AirflowFailException, match="deployment_id"):
        operator.execute(context)
    assert account.deleted == []
