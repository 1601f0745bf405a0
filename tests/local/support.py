"""What the tests of the local stack share: descriptions of pools and tasks, waits, raw requests."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas

from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign
from airflow_provider_aztk.local.batch.common.times import format_http, utcnow

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

UP = [sys.executable, "-m", "airflow_provider_aztk.local", "up"]


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
    """Wait until something is true, and return it."""
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
    try:
        delete(record_id)
    except HttpResponseError as error:
        if error.status_code not in (404, 409):
            raise


def sas(stack: LocalStack, container: ContainerClient, permissions: str) -> str:
    """Make the address of a container with a signature."""
    assert stack.blob_account
    assert stack.blob_key
    token = generate_container_sas(
        stack.blob_account,
        container.container_name,
        account_key=stack.blob_key,
        permission=ContainerSasPermissions.from_string(permissions),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{container.url}?{token}"


def start(*arguments: str, **options: Any) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start a stack by its command line."""
    process = subprocess.Popen([*UP, *arguments], stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout
    return process, json.loads(process.stdout.readline())


API = "api-version=2025-06-01"


@dataclass
class Reply:
    """An answer as it came."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def raw(
    stack: LocalStack,
    method: str,
    target: str,
    body: Any = None,
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    unsigned: bool = False,
) -> Reply:
    """Send one request; *body* is sent as JSON, or as it is when it is bytes."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"ocp-date": format_http(utcnow()), "content-type": "application/json; odata=minimalmetadata"}
    if method not in ("GET", "HEAD"):
        sent["content-length"] = str(len(data))
    sent |= headers or {}
    if not unsigned:
        signature = sign(key or stack.batch_key, string_to_sign(stack.batch_account, method, target, sent))
        sent.setdefault("authorization", f"SharedKey {stack.batch_account}:{signature}")
    connection = http.client.HTTPConnection(urlsplit(stack.batch_endpoint).netloc, timeout=30)
    try:
        connection.putrequest(method, target, skip_host="host" in sent)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(data)
        answer = connection.getresponse()
        return Reply(answer.status, answer.reason, answer.headers, answer.read())
    finally:
        connection.close()
