"""The asynchronous client and the watcher: the same answers, and one poll for any number of waits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import AsyncClient, Client, JobSnapshot, SharedPoller, errors, models
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # real nodes of the emulator: seconds each


async def test_it_gives_what_the_sync_client_gives(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("print('hello')\n")
    app = models.ApplicationConfiguration(name="a", application=program)
    client.submit(two_nodes, app, wait=True, timeout=60, poll_interval=0.5)
    async with AsyncClient(secrets_of(stack)) as aio:
        assert await aio.get_cluster(two_nodes) == client.get_cluster(two_nodes)
        assert await aio.get_application(two_nodes, "a") == client.get_application(two_nodes, "a")
        assert await aio.list_cluster_applications(two_nodes) == client.list_cluster_applications(two_nodes)
        assert await aio.read_log(two_nodes, "a") == client.read_log(two_nodes, "a")
        assert not await aio.stop_application(two_nodes, "a")
        with pytest.raises(errors.ClusterNotFoundError):
            await aio.get_cluster("nowhere")
        assert await aio.delete_cluster(two_nodes)
        assert not await aio.delete_cluster(two_nodes)


async def test_many_waits_cost_one_request_a_job_and_one_for_the_list(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("import time\ntime.sleep(4)\n")
    names = [f"app-{index}" for index in range(3)]
    apps = [models.ApplicationConfiguration(name=name, application=program) for name in names]
    client.submit_all_applications(two_nodes, apps)
    stack.admin.record()
    stack.admin.forget_requests()
    looks = 0

    async def wait(name: str) -> models.Application:
        nonlocal looks
        watcher = SharedPoller.shared("account", lambda: AsyncClient(secrets_of(stack)))
        async with aclosing(watcher.watch(two_nodes, poll_interval=1.0)) as views:
            async for view in views:
                looks += 1
                application = view.application(name)
                if application and application.state.is_terminal:
                    return application
        raise AssertionError("the watcher ended")

    waits = [wait(name) for name in names for _ in range(20)]
    async with asyncio.timeout(60):
        done = await asyncio.gather(*waits)
    assert {application.outcome for application in done} == {models.Outcome.SUCCESS}
    operations = [request["operation"] for request in stack.admin.requests()]
    assert set(operations) == {"list_jobs", "list_tasks"}
    assert abs(operations.count("list_jobs") - operations.count("list_tasks")) <= 1
    assert looks >= 10 * len(operations)  # sixty waits, and far fewer requests


async def test_the_watcher_tells_when_the_cluster_is_gone(client: Client, stack: LocalStack, cluster_id: str) -> None:
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    watcher = SharedPoller.shared("account", lambda: AsyncClient(secrets_of(stack)))
    async with asyncio.timeout(30), aclosing(watcher.watch(cluster_id, poll_interval=0.2)) as views:
        async for view in views:
            if not view.exists:
                break
            cluster = await view.cluster()
            assert cluster is not None
            assert cluster.id == cluster_id
            await asyncio.to_thread(client.delete_cluster, cluster_id)


async def test_a_passing_fault_is_outlived_and_a_lasting_one_is_reported(
    client: Client, stack: LocalStack, cluster_id: str
) -> None:
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    fault = {"operation": "list_jobs", "kind": "error", "status": 400, "code": "InvalidQueryParameterValue"}
    stack.admin.http_fault(**fault, count=2)
    watcher = SharedPoller.shared("account", lambda: AsyncClient(secrets_of(stack)))
    async with asyncio.timeout(30), aclosing(watcher.watch(cluster_id, poll_interval=0.1)) as views:
        assert (await anext(views)).exists
        stack.admin.http_fault(**fault, count=-1)
        with pytest.raises(errors.ServiceError, match="InvalidQueryParameterValue"):
            async for _ in views:
                pass


async def test_lists_of_several_pages_are_read_whole(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("pass\n")
    names = [f"app-{index:04d}" for index in range(1005)]  # a page has a thousand at most
    client.submit_all_applications(
        two_nodes, [models.ApplicationConfiguration(name=name, application=program) for name in names]
    )
    async with AsyncClient(secrets_of(stack)) as aio:
        assert sorted(app.name for app in await aio.list_cluster_applications(two_nodes)) == names


async def test_what_the_watcher_asks_for_is_all_that_an_application_has(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    app = models.ApplicationConfiguration(name="a", application=write_program("raise SystemExit(3)\n"))
    client.submit(two_nodes, app, wait=True, timeout=60, poll_interval=0.5)
    async with AsyncClient(secrets_of(stack)) as aio:
        tasks = {task["id"]: task for task in await aio.batch_tasks(two_nodes)}
    view = JobSnapshot(two_nodes, None, tasks, aio)
    assert view.application("a") == client.get_application(two_nodes, "a")


async def test_another_job_of_the_same_id_is_not_taken_for_the_first(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    app = models.ApplicationConfiguration(name="a", application=write_program("pass\n"))
    client.submit(two_nodes, app)
    conf = models.ClusterConfiguration(cluster_id=two_nodes, vm_count=1)
    watcher = SharedPoller.shared("again", lambda: AsyncClient(secrets_of(stack)))
    async with asyncio.timeout(60), aclosing(watcher.watch(two_nodes, poll_interval=2.0)) as views:
        assert (await anext(views)).application("a") is not None
        await asyncio.to_thread(client.delete_cluster, two_nodes, wait=True)
        await asyncio.to_thread(client.create_cluster, conf)
        async for view in views:
            if view.batch_job and view.application("a") is None:
                break
    assert SharedPoller.shared("again", lambda: AsyncClient(secrets_of(stack))) is not watcher
