"""What is not tried again, in every operator and sensor: the table of docs/what-happens-when.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.exceptions import is_final
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import (
    AztkCreateClusterOperator,
    AztkCreateClustersOperator,
    AztkCreateUserOperator,
    AztkDeleteClusterOperator,
)
from airflow_provider_aztk.operators.job import (
    AztkDeleteJobOperator,
    AztkStopJobApplicationOperator,
    AztkStopJobOperator,
    AztkSubmitJobOperator,
)
from airflow_provider_aztk.operators.reap import AztkReapClustersOperator
from airflow_provider_aztk.sensors.application import AztkApplicationSensor
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor
from airflow_provider_aztk.sensors.job import AztkJobSensor
from tests.support.airflow_home import CONNECTION, Context

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRA_ID = {
    "conn_type": "aztk",
    "host": "https://acc.westeurope.batch.azure.com",
    "extra": {
        "batch_account_resource_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Batch/batchAccounts/acc",
        "storage_account_resource_id": (
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/store"
        ),
    },
}

#: Each kind of error: whether it ends the task with account keys, and with Entra ID. The name is the one in the docs.
KINDS: dict[str, tuple[Exception, bool, bool]] = {
    "InvalidConfigurationError": (
        errors.InvalidConfigurationError("x", [errors.FieldError("a", "1", "fix")]),
        True,
        True,
    ),
    "ClusterNotFoundError": (errors.ClusterNotFoundError("there is no cluster 'c'", id="c"), True, True),
    "JobNotFoundError": (errors.JobNotFoundError("there is no job 'j'", id="j"), True, True),
    "ApplicationNotFoundError": (errors.ApplicationNotFoundError("no application", id="a"), True, True),
    "ClusterExistsError": (errors.ClusterExistsError("taken", id="c"), True, True),
    "JobExistsError": (errors.JobExistsError("taken", id="j"), True, True),
    "ApplicationExistsError": (errors.ApplicationExistsError("taken", id="a"), True, True),
    "ClusterFailedError": (errors.ClusterFailedError("has ended", id="c", code="JobEnded"), True, True),
    "ClusterFailedError without a code": (errors.ClusterFailedError("has no node yet", id="c"), False, False),
    "AuthenticationError": (errors.AuthenticationError("check batch_account_key", service="Azure Batch"), True, False),
    "AirflowNotFoundException": (AirflowNotFoundException("The conn_id `x` isn't defined"), True, True),
    "ServiceError": (errors.ServiceError("no", code="ActiveJobAndScheduleQuotaReached", status=409), False, False),
    "ThrottledError": (errors.ThrottledError("busy", status=503), False, False),
    "ConnectionFailedError": (errors.ConnectionFailedError("cut"), False, False),
    "WaitTimeoutError": (errors.WaitTimeoutError("late"), False, False),
}

#: A cluster that ends while these make it had no quota, or no capacity: the next try makes another one.
MAKERS = ("create", "create several", "job")

ACTORS: dict[str, Callable[[str], Any]] = {
    "create": lambda app: AztkCreateClusterOperator(task_id="t", cluster_conf={"vm_count": 1}),
    "create several": lambda app: AztkCreateClustersOperator(task_id="t", cluster_confs=[{"vm_count": 1}] * 2),
    "create exact": lambda app: AztkCreateClusterOperator(
        task_id="t", cluster_conf={"cluster_id": "c", "vm_count": 1}, exact_id=True
    ),
    "delete": lambda app: AztkDeleteClusterOperator(task_id="t", cluster_id="c"),
    "user": lambda app: AztkCreateUserOperator(task_id="t", cluster_id="c", username="u"),
    "submit": lambda app: AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application={"application": app}),
    "submit several": lambda app: AztkSubmitApplicationsOperator(
        task_id="t", cluster_id="c", applications=[{"application": app}] * 2
    ),
    "job": lambda app: AztkSubmitJobOperator(
        task_id="t",
        job_configuration={
            "vm_size": "standard_d2s_v5",
            "max_dedicated_nodes": 1,
            "applications": [{"name": "a", "application": app}],
        },
    ),
    "stop job": lambda app: AztkStopJobOperator(task_id="t", job_id="j"),
    "stop application": lambda app: AztkStopJobApplicationOperator(task_id="t", job_id="j", application_name="a"),
    "delete job": lambda app: AztkDeleteJobOperator(task_id="t", job_id="j"),
    "reap": lambda app: AztkReapClustersOperator(task_id="t"),
    "cluster sensor": lambda app: AztkClusterSensor(task_id="t", cluster_id="c", deferrable=False),
    "application sensor": lambda app: AztkApplicationSensor(task_id="t", cluster_id="c", deferrable=False),
    "job sensor": lambda app: AztkJobSensor(task_id="t", job_id="j", deferrable=False),
}
#: What an operator takes for done: what is to be stopped is gone.
FINE = {("stop job", "NotFoundError"), ("stop application", "NotFoundError")}
#: A sensor goes on looking where an error passes.
PASSES = ("ThrottledError", "ConnectionFailedError")


class Refusing:
    """A client, of either kind, all of whose calls fail alike."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls: list[str] = []

    def __enter__(self) -> Refusing:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    async def __aenter__(self) -> Refusing:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        if name in ("batch_jobs", "batch_tasks"):

            async def afail(*_: object, **__: object) -> Any:
                self.calls.append(name)
                raise self.error

            return afail

        def fail(*_: object, **__: object) -> Any:
            self.calls.append(name)
            if name in ("get_cluster", "get_application") and isinstance(self.error, errors.AlreadyExistsError):
                raise errors.NotFoundError("none", id="x")
            raise self.error

        return fail


@pytest.mark.parametrize("sign_in", ["key", "entra id"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("actor", ACTORS)
def test_what_is_tried_again(
    actor: str, kind: str, sign_in: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error, by_key, by_entra_id = KINDS[kind]
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps(CONNECTION if sign_in == "key" else ENTRA_ID))
    monkeypatch.setenv("AIRFLOW__AZTK__DEPLOYMENT_ID", "here")
    client = Refusing(error)

    async def aclient(_: object) -> Refusing:
        return client

    monkeypatch.setattr("airflow_provider_aztk.hooks.aztk.AztkHook.get_client", lambda _: client)
    monkeypatch.setattr("airflow_provider_aztk.hooks.aztk.AztkHook.get_async_client", aclient)
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        task = ACTORS[actor](str(tmp_path / "pi.py"))
    run = task.poke if "sensor" in actor else task.execute
    if any(actor == name and kind.endswith(end) and kind.startswith(("Cluster", "Job", "App")) for name, end in FINE):
        run(Context())
        return
    if "sensor" in actor and kind in PASSES:
        assert run(Context()) is False
        return
    with pytest.raises((errors.AztkError, AirflowException)) as raised:
        run(Context())
    final = by_key if sign_in == "key" else by_entra_id
    if actor in MAKERS and kind == "ClusterFailedError":
        final = False
    assert isinstance(raised.value, AirflowFailException) is final
    assert "batch_account_key" not in str(raised.value)
    assert client.calls


def test_a_submission_to_a_cluster_that_does_not_exist_ends_nothing(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = Refusing(errors.ClusterNotFoundError("there is no cluster 'c'", id="c"))
    monkeypatch.setattr("airflow_provider_aztk.hooks.aztk.AztkHook.get_client", lambda _: client)
    (tmp_path / "pi.py").write_text("")
    with DAG("etl", schedule=None):
        task = ACTORS["submit"](str(tmp_path / "pi.py"))
    with pytest.raises(AirflowFailException, match="there is no cluster 'c'"):
        task.execute(Context())
    assert "stop_application" not in client.calls


def test_the_table_in_the_docs_is_this_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "what-happens-when.md").read_text()
    section = text.partition("## What is tried again")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .* \| `(\w+)`(.*?) \| (no|yes|account key: no; Entra ID: yes)\b", section, re.MULTILINE)
    said = {name + more: answer for name, more, answer in rows}
    answers = {(True, True): "no", (False, False): "yes", (True, False): "account key: no; Entra ID: yes"}
    assert said == {name: answers[by_key, by_entra] for name, (_, by_key, by_entra) in KINDS.items()}
    for error, by_key, by_entra_id in KINDS.values():
        assert is_final(error, by_key=True) is by_key
        assert is_final(error, by_key=False) is by_entra_id


def test_every_error_of_the_client_is_in_the_table() -> None:
    leaves = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    abstract = {"AztkError", "NotFoundError", "AlreadyExistsError", "FieldError"}
    assert leaves - abstract <= set(KINDS)


@pytest.mark.parametrize(
    ("conn_id", "content", "word"),
    [
        ("aztk_default", {"conn_type": "http"}, "its type is http"),
        ("the_users", None, "the_users"),
        ("the_users", {"conn_type": "generic", "extra": "[1]"}, "credentials_conn_id='the_users'"),
    ],
)
def test_what_is_wrong_with_a_users_connections_is_not_tried_again(
    conn_id: str, content: dict[str, Any] | None, word: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is None:

        def missing(_: Any, conn_id: str) -> Any:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")

        monkeypatch.setattr("airflow_provider_aztk.hooks.aztk.AztkHook.get_connection", missing)
    else:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(content))
    with DAG("etl", schedule=None):
        user = AztkCreateUserOperator(
            task_id="t",
            cluster_id="c",
            username="u",
            credentials_conn_id=None if conn_id == "aztk_default" else conn_id,
        )
    with pytest.raises(AirflowFailException, match=re.escape(word)):
        user.execute(Context())
