"""The Azure provider's own operator: a judge that nobody here wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = [pytest.mark.slow, pytest.mark.wire("documented")]


@pytest.fixture
def connection(aztk_local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> str:
    """A connection of the provider's own type."""
    value = {
        "conn_type": "azure_batch",
        "login": aztk_local.batch_account,
        "password": aztk_local.batch_key,
        "extra": {"account_url": aztk_local.batch_endpoint},
    }
    monkeypatch.setenv("AIRFLOW_CONN_THE_BATCH", json.dumps(value))
    return "the_batch"


def run(connection: str, name: str, monkeypatch: pytest.MonkeyPatch, command: str, **options: object) -> None:
    """Execute the operator once. Its own polling, of many seconds, is shortened."""
    from airflow.providers.microsoft.azure.hooks import batch as hook
    from airflow.providers.microsoft.azure.operators.batch import AzureBatchOperator

    monkeypatch.setattr(hook.time, "sleep", lambda seconds, sleep=hook.time.sleep: sleep(min(seconds, 0.1)))
    AzureBatchOperator(
        task_id="run",
        azure_batch_conn_id=connection,
        batch_pool_id=name,
        batch_pool_vm_size="standard_d2s_v5",
        batch_job_id=name,
        batch_task_id="t",
        batch_task_command_line=command,
        vm_publisher="microsoft-dsvm",
        vm_offer="ubuntu-hpc",
        vm_sku="2404",
        sku_starts_with="2404",
        vm_node_agent_sku_id="batch.node.ubuntu 24.04",
        target_dedicated_nodes=1,
        timeout=1,
        **options,
    ).execute({})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Airflow's and its provider's own
@pytest.mark.parametrize("latest", [False, True])
def test_a_task_runs_and_everything_is_deleted(
    connection: str, batch: BatchClient, name: str, monkeypatch: pytest.MonkeyPatch, latest: bool
) -> None:
    run(
        connection,
        name,
        monkeypatch,
        "/bin/sh -c 'echo hi'",
        should_delete_job=True,
        should_delete_pool=True,
        use_latest_verified_vm_image_and_sku=latest,
    )
    assert name not in [job.id for job in batch.list_jobs()]
    assert name not in [pool.id for pool in batch.list_pools()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_task_that_fails_fails_the_operator(
    connection: str, batch: BatchClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match="t"):
        run(connection, name, monkeypatch, "/bin/sh -c 'exit 3'")
    assert batch.get_task(name, "t").execution_info.exit_code == 3
    batch.begin_delete_job(name)
    batch.begin_delete_pool(name)
