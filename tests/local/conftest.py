"""A running local stack, and the official SDK to speak to it."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient

from airflow_provider_aztk.local.testing import aztk_local, aztk_local_options, aztk_local_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.local.testing import LocalStack

# Not as a plugin: pytest takes those only in the topmost conftest, and other rooms should not pay for it.
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


def make_client(stack: LocalStack, **options: Any) -> BatchClient:
    """Make an official client."""
    return BatchClient(stack.batch_endpoint, AzureNamedKeyCredential(stack.batch_account, stack.batch_key), **options)


def machine(*, containers: bool = False) -> m.VirtualMachineConfiguration:
    """Describe virtual machines as today's clients do."""
    return m.VirtualMachineConfiguration(
        image_reference=m.BatchVmImageReference(publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2404"),
        node_agent_sku_id="batch.node.ubuntu 24.04",
        container_configuration=m.BatchContainerConfiguration(
            type="dockerCompatible", container_image_names=["docker.io/apache/spark:4.1.1-python3"]
        )
        if containers
        else None,
    )


def pool_options(pool_id: str, *, containers: bool = False, **options: Any) -> m.BatchPoolCreateOptions:
    """Describe a pool."""
    return m.BatchPoolCreateOptions(
        id=pool_id,
        vm_size="Standard_D2s_v5",
        virtual_machine_configuration=machine(containers=containers),
        **options,
    )


def auto_pool(*, containers: bool = False, keep_alive: bool = False, **options: Any) -> m.BatchPoolInfo:
    """Describe an auto-pool that lives as long as its job."""
    return m.BatchPoolInfo(
        auto_pool_specification=m.BatchAutoPoolSpecification(
            auto_pool_id_prefix="auto",
            pool_lifetime_option="job",
            keep_alive=keep_alive,
            pool=m.BatchPoolSpecification(
                vm_size="Standard_D2s_v5", virtual_machine_configuration=machine(containers=containers), **options
            ),
        )
    )


def sleeper(task_id: str, seconds: float = 0, exit_code: int = 0, **options: Any) -> m.BatchTaskCreateOptions:
    """Describe a simulated task."""
    return m.BatchTaskCreateOptions(
        id=task_id,
        command_line="simulated",
        environment_settings=[
            m.EnvironmentSetting(
                name="AZTK_LOCAL_SIMULATE", value=f'{{"seconds": {seconds}, "exit_code": {exit_code}}}'
            )
        ],
        **options,
    )


def eventually(check: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is true, and tell what it is."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} seconds; last seen: {found!r}")
        time.sleep(0.02)
    return found


def finished(batch: BatchClient, job_id: str, task_id: str) -> m.BatchTask:
    """Wait for the end of a task."""

    def completed() -> m.BatchTask | None:
        task = batch.get_task(job_id, task_id)
        return task if task.state == m.BatchTaskState.COMPLETED else None

    return eventually(completed)


def ready_nodes(batch: BatchClient, pool_id: str, number: int) -> list[m.BatchNode]:
    """Wait until a pool has so many nodes that are idle or running."""
    good = (m.BatchNodeState.IDLE, m.BatchNodeState.RUNNING)

    def ready() -> list[m.BatchNode] | None:
        nodes = [node for node in batch.list_nodes(pool_id) if node.state in good]
        return nodes if len(nodes) == number else None

    return eventually(ready)


def read_file(batch: BatchClient, job_id: str, task_id: str, path: str = "stdout.txt") -> str:
    """Read a task's file."""
    return b"".join(batch.download_task_file(job_id, task_id, path)).decode()


def delete_quietly(delete: Callable[..., Any], record_id: str) -> None:
    """Delete what may be gone already, without waiting."""
    from azure.core.exceptions import HttpResponseError

    try:
        delete(record_id)
    except HttpResponseError as error:
        if error.status_code not in (404, 409):
            raise
