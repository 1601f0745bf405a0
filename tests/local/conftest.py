"""A running local stack, and the official SDK to speak to it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.storage.blob import BlobServiceClient

from tests.local.support import delete_quietly, eventually, make_client, pool_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.local.testing import LocalStack

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def emptied(aztk_local_stack: LocalStack) -> Iterator[None]:
    """Leave nothing in the account, for the tests of other packages that count what is there."""
    yield
    aztk_local_stack.admin.clear()
    with make_client(aztk_local_stack) as client:
        for job in client.list_jobs():
            delete_quietly(client.begin_delete_job, job.id)
        for pool in client.list_pools():
            delete_quietly(client.begin_delete_pool, pool.id)
    eventually(lambda: not any(aztk_local_stack.admin.state()[name] for name in ("pools", "jobs", "processes")))


@pytest.fixture
def aztk_local(aztk_local: LocalStack, emptied: None) -> LocalStack:
    """The stack of all tests, whose account is empty again after the tests of a file."""
    return aztk_local


@pytest.fixture
def batch(aztk_local: LocalStack) -> Iterator[BatchClient]:
    """The official client, without its own retries: a fault must show."""
    with make_client(aztk_local, retry_total=0) as client:
        yield client


@pytest.fixture(scope="session")
def blobs(aztk_local_stack: LocalStack) -> Iterator[BlobServiceClient]:
    """The official blob client."""
    credential = {"account_name": aztk_local_stack.blob_account, "account_key": aztk_local_stack.blob_key}
    with BlobServiceClient(aztk_local_stack.blob_endpoint, credential=credential) as client:
        yield client


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An id that no other test uses."""
    return f"t{next(_numbers)}-{request.node.name.partition('[')[0][5:45]}"


@pytest.fixture
def pool(batch: BatchClient, name: str) -> Iterator[str]:
    """A pool with one dedicated node of four slots."""
    batch.create_pool(pool_options(name, target_dedicated_nodes=1, task_slots_per_node=4))
    yield name
    delete_quietly(batch.begin_delete_pool, name)


@pytest.fixture
def job(batch: BatchClient, pool: str) -> Iterator[str]:
    """A job on that pool."""
    batch.create_job(m.BatchJobCreateOptions(id=pool, pool_info=m.BatchPoolInfo(pool_id=pool)))
    yield pool
    delete_quietly(batch.begin_delete_job, pool)
