"""The client against a running local stack: real node code, the light stand-in for Spark, real blobs."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.client._runners import Runner
from airflow_provider_aztk.local.testing import LocalStack, run_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_numbers = itertools.count(1)


def secrets_of(stack: LocalStack, **changes: str) -> models.SecretsConfiguration:
    values = {
        "batch_account_name": stack.batch_account,
        "batch_account_key": stack.batch_key,
        "batch_service_url": stack.batch_endpoint,
        "storage_account_name": str(stack.blob_account),
        "storage_account_key": str(stack.blob_key),
        "storage_service_url": str(stack.blob_endpoint),
    }
    return models.SecretsConfiguration(shared_key=models.SharedKeyConfiguration(**{**values, **changes}))


def eventually_empty(stack: LocalStack) -> None:
    """Wait until the account has no pool, job, or task process any more."""
    end = time.monotonic() + 30
    while (state := stack.admin.state()) and (state["pools"] or state["jobs"] or state["processes"]):
        assert time.monotonic() < end, state
        time.sleep(0.1)


@pytest.fixture(scope="session")
def running_stack() -> Iterator[LocalStack]:
    with run_stack("--fake-spark") as stack:
        yield stack


@pytest.fixture
def stack(running_stack: LocalStack) -> Iterator[LocalStack]:
    """The session's stack; after the test all trouble is taken back and nothing may be left in the account."""
    yield running_stack
    running_stack.admin.clear()
    with Client(secrets_of(running_stack)) as client:
        for id in {c.id for c in client.list_clusters()} | {j.id for j in client.list_jobs()}:
            client.delete_cluster(id)
        for pool in client.list_orphaned_pools():
            client.delete_orphaned_pools(pool.cluster_id)
    eventually_empty(running_stack)  # the service deletes in its own time, and the next test counts


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    with Client(secrets_of(stack)) as client:
        yield client


@pytest.fixture
def runner(stack: LocalStack) -> Iterator[Runner]:
    """Performs single requests."""
    runner = Runner(secrets_of(stack))
    yield runner
    runner.close()


@pytest.fixture
def cluster_id() -> str:
    """An id of the test's own."""
    return f"Live_{next(_numbers)}"


@pytest.fixture
def two_nodes(client: Client, cluster_id: str) -> str:
    """A cluster that is ready; gives its id."""
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=2)
    client.create_cluster(conf, wait=True, timeout=60, poll_interval=0.5)
    return cluster_id


@pytest.fixture
def write_program(tmp_path: Path) -> Callable[..., str]:
    """Write a Python program and give its path."""

    def write(text: str, name: str = "program.py") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
