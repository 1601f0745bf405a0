"""A running local stack, and the official SDK to speak to it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.storage.blob import BlobServiceClient

from airflow_provider_aztk.local.testing import aztk_local, aztk_local_options, aztk_local_stack
from tests.local.support import delete_quietly, make_client, pool_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.local.testing import LocalStack

# A stack of their own: these tests leave pools and jobs behind, which tests of the client count.
__all__ = ["aztk_local", "aztk_local_options", "aztk_local_stack"]

_numbers = itertools.count(1)


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
