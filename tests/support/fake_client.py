"""A client that keeps what it is given, and operators that are about to use it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client.models import ApplicationState, ClusterState, Outcome
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator
from tests.support.airflow_home import Context

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

    @property
    def service_time(self) -> datetime:
        return datetime.now(UTC)

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

    def is_application_stopping(self, cluster_id: str, name: str) -> bool:
        return ("stop", name) in self.calls

    def stop_application(self, cluster_id: str, name: str) -> None:
        self.calls.append(("stop", name))

    def create_cluster(self, conf: models.ClusterConfiguration) -> None:
        self.calls.append(("create", conf.cluster_id))
        if self.fail:
            raise self.fail
        self.submitted.append(conf)
        self.clusters[conf.cluster_id] = models.Cluster(id=conf.cluster_id, state=ClusterState.CREATING)

    def delete_cluster(self, cluster_id: str, *, keep_logs: bool = False) -> bool:
        self.calls.append(("delete", cluster_id))
        return self.clusters.pop(cluster_id, None) is not None

    def delete_orphaned_pools(self, cluster_id: str) -> list[str]:
        return []

    def delete_ended_cluster(self, cluster_id: str) -> bool:
        ended = cluster_id in self.clusters and self.clusters[cluster_id].state.is_terminal
        if ended:
            self.calls.append(("make way", cluster_id))
            del self.clusters[cluster_id]
        return ended

    def create_clusters_in_parallel(self, confs: list[models.ClusterConfiguration]) -> None:
        for conf in confs:
            self.create_cluster(conf)

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
    """Run a try until it defers, and return the record of what it started."""
    with pytest.raises(TaskDeferred) as raised:
        operator.execute(context)
    remote: dict[str, Any] = raised.value.trigger.serialize()[1]["remote"]
    return remote


def event(remote: dict[str, Any], status: str = "success", **summary: Any) -> dict[str, Any]:
    """Make the event that ends a wait."""
    app_summary = {"name": "pi", "state": "completed", "outcome": "success", "exit_code": 0, "failure": None, **summary}
    result = {"applications": [app_summary], "log_offsets": {"pi": 0}}
    return {"status": status, "message": "pi ended", "code": None, "ids": [], "result": result, "remote": remote}


def cut(*_: Any, **__: Any) -> NoReturn:
    """Fail as a call whose connection is cut."""
    raise errors.ConnectionFailedError("the connection was cut")


def killed(client: Client, operator: Any) -> Context:
    """Run a first try, whose process dies while it starts things; return its context."""
    context = Context()
    client.fail = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        operator.execute(context)
    client.fail = None
    return context


def retry_of(context: Context, **kwargs: Any) -> Context:
    """Return the context of the next try of the same task."""
    return Context(try_number=2, store=context["task_state_store"], **kwargs)
