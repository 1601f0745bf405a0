"""What the reaper takes, what it leaves alone, and what it does where something cannot be removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import ClusterState, JobState
from airflow_provider_aztk.utils.naming import KEPT
from airflow_provider_aztk.utils.reaper import find, reap
from airflow_provider_aztk.utils.settings import deployment_id

OLD = datetime.now(UTC) - timedelta(hours=1)
RUN = {"airflow_dag": "etl", "airflow_run": "r1", "airflow_deployment": "here"}


def cluster(id: str, **kwargs: Any) -> models.Cluster:
    """A cluster of a run that is over."""
    return models.Cluster(**{"id": id, "state": ClusterState.READY, "creation_time": OLD, "metadata": RUN, **kwargs})


def job(id: str, **kwargs: Any) -> models.Job:
    """A job of a run that is over."""
    return models.Job(**{"id": id, "state": JobState.ACTIVE, "creation_time": OLD, "metadata": RUN, **kwargs})


class Account:
    """An account with clusters and jobs, one of which cannot be deleted."""

    def __init__(self, *things: models.Cluster | models.Job) -> None:
        self.things = things
        self.deleted: list[tuple[str, bool]] = []

    def list_clusters(self) -> list[models.Cluster]:
        return [thing for thing in self.things if isinstance(thing, models.Cluster)]

    def list_jobs(self) -> list[models.Job]:
        return [thing for thing in self.things if isinstance(thing, models.Job)]

    def delete_cluster(self, id: str, *, keep_logs: bool = False) -> None:
        if id == "stuck":
            raise RuntimeError("cannot")
        self.deleted.append((id, keep_logs))

    delete_job = delete_cluster


def run_reaper(account: Any, *, deployment: str = "here", over: bool = True, **kwargs: Any) -> Any:
    """Reap, in earnest unless told otherwise."""
    found = find(account, deployment, lambda dag, run: over)
    return reap(account, found, **{"deployment": deployment, "dry_run": False, **kwargs})


def test_clusters_and_jobs_of_runs_that_are_over_go() -> None:
    account = Account(cluster("c"), job("j"))
    assert [owned.id for owned in run_reaper(account, keep_logs=True).gone] == ["c", "j"]
    assert account.deleted == [("c", True), ("j", True)]


@pytest.mark.parametrize(
    "thing",
    [
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
    assert run_reaper(account).gone == []
    assert account.deleted == []


def test_a_job_that_is_to_be_kept_goes_while_it_still_runs() -> None:
    assert [owned.id for owned in run_reaper(Account(job("j", metadata={**RUN, **KEPT}))).gone] == ["j"]


def test_a_run_that_goes_on_keeps_its_cluster() -> None:
    assert run_reaper(Account(cluster("c")), over=False).gone == []


def test_a_dry_run_removes_nothing() -> None:
    account = Account(cluster("c"))
    assert [owned.id for owned in run_reaper(account, dry_run=True).gone] == ["c"]
    assert account.deleted == []


def test_one_that_cannot_be_removed_does_not_save_the_others() -> None:
    account = Account(cluster("a"), cluster("stuck"), cluster("z"))
    reaped = run_reaper(account)
    assert [owned.id for owned in reaped.gone] == ["a", "z"]
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
