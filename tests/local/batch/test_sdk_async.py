"""The official asynchronous SDK, whose transport is another one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m
from azure.batch.aio import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceNotFoundError

from tests.local.support import pool_options, sleeper

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack


@pytest.mark.wire("documented")
async def test_a_whole_life(aztk_local: LocalStack, name: str) -> None:
    credential = AzureNamedKeyCredential(aztk_local.batch_account, aztk_local.batch_key)
    async with BatchClient(aztk_local.batch_endpoint, credential) as batch:
        await batch.create_pool(pool_options(name, target_dedicated_nodes=1, task_slots_per_node=4))
        await batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=m.BatchPoolInfo(pool_id=name)))
        await batch.create_task(name, m.BatchTaskCreateOptions(id="real", command_line="echo hi"))
        await batch.create_tasks(name, [sleeper(f"t{n}") for n in range(3)])
        async with asyncio.timeout(20):
            while (await batch.get_job_task_counts(name)).task_counts.completed < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        names = [task.id async for task in batch.list_tasks(name, filter="startswith(id,'t')", select=["id"])]
        assert names == ["t0", "t1", "t2"]
        content = [chunk async for chunk in await batch.download_task_file(name, "real", "stdout.txt")]
        assert b"".join(content) == b"hi\n"
        part = [
            chunk async for chunk in await batch.download_task_file(name, "real", "stdout.txt", ocp_range="bytes=1-1")
        ]
        assert b"".join(part) == b"i"
        properties = await batch.get_task_file_properties(name, "real", "stdout.txt")
        assert properties.content_length == 3
        await batch.delete_task(name, "t0")
        await (await batch.begin_delete_job(name, polling_interval=0.05)).result()
        await (await batch.begin_delete_pool(name, polling_interval=0.05)).result()
        with pytest.raises(ResourceNotFoundError):
            await batch.get_pool(name)
