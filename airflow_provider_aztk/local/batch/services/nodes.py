"""Nodes: added, booted, rebooted, failed, removed; their users."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.times import format_time, parse_time, utcnow
from airflow_provider_aztk.local.batch.common.values import Json, option, required
from airflow_provider_aztk.local.batch.execution.layout import make_node_root, remove_tree
from airflow_provider_aztk.local.batch.services.start_task import StartTaskRun
from airflow_provider_aztk.local.batch.store.records import NodeRecord, PoolRecord
from airflow_provider_aztk.local.batch.store.specs import DeallocationOption
from airflow_provider_aztk.local.batch.store.states import NodeState

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.batch.execution.addresses import AddressPool
    from airflow_provider_aztk.local.batch.services.attempt import Cause
    from airflow_provider_aztk.local.batch.services.background import Background
    from airflow_provider_aztk.local.batch.services.executors import Executors
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
    from airflow_provider_aztk.local.batch.store.account import Account

__all__ = ["NodeService"]

_MAX_USER_NAME = 20


class NodeService:
    """Adds, boots and removes nodes, and creates their users."""

    #: The composition root sets it: it leads to the resizes, which need this service themselves.
    replace_lost: Callable[[PoolRecord], None]

    def __init__(
        self,
        account: Account,
        background: Background,
        addresses: AddressPool,
        executors: Executors,
        runner: TaskRunner,
        scheduler: Scheduler,
    ) -> None:
        self._account = account
        self._background = background
        self._addresses = addresses
        self._executors = executors
        self._runner = runner
        self._scheduler = scheduler
        self._boots: dict[str, asyncio.Task[None]] = {}

    def find(self, pool: PoolRecord, node_id: str) -> NodeRecord:
        """Find a node of a pool.

        :raises BatchServiceError: ``NodeNotFound``.
        """
        node = pool.nodes.get(node_id)
        if node is None:
            raise BatchServiceError("NodeNotFound")
        return node

    def add(self, pool: PoolRecord, *, dedicated: bool) -> NodeRecord:
        """Add a node to a pool and boot it."""
        node = NodeRecord(
            id=f"tvmps_{secrets.token_hex(32)}_{'d' if dedicated else 'p'}",
            pool_id=pool.id,
            dedicated=dedicated,
            address=self._addresses.take(),
            root=self._executors.settings.data_dir / "nodes" / uuid.uuid4().hex[:12],
            slots=pool.spec.slots_per_node,
            number=self._account.next_number(),
        )
        pool.nodes.add(node)
        self._begin_boot(pool, node)
        return node

    async def leave(self, pool: PoolRecord, node: NodeRecord, deallocation: DeallocationOption) -> None:
        """Remove a node after its tasks were requeued or terminated, or have ended."""
        node.scheduling_enabled = False
        if deallocation.waits:
            try:
                await self._runner.wait_for_node(node)
            except asyncio.CancelledError:  # the resize was stopped while the node waited for its tasks
                node.scheduling_enabled = True
                raise
        if node.state is not NodeState.LEAVING:
            node.life.move(NodeState.LEAVING)
        await self._stop_boot(node)
        await self._runner.end_on_node(node, _cause(deallocation))
        self._drop(pool, node)

    async def reboot(self, pool: PoolRecord, node: NodeRecord, body: Json) -> None:
        """Restart a node that is idle or running."""
        deallocation = option(body, "nodeRebootOption", DeallocationOption.REQUEUE)
        self.check_booted(node)
        node.life.move(NodeState.REBOOTING)
        self._background.spawn(self._reboot(pool, node, deallocation))

    async def preempt(self, pool: PoolRecord, node: NodeRecord, restore_after: float | None) -> None:
        """Take a low-priority node's machine away; its tasks go back to the queue.

        :param restore_after: seconds until the machine is given again; ``None`` for never.
        """
        if node.dedicated:
            raise invalid_property("node", node.id, "Only low-priority nodes are preempted.")
        node.life.move(NodeState.PREEMPTED)
        await self._stop_boot(node)
        await self._runner.end_on_node(node, "recover")
        remove_tree(node.root)
        if restore_after is not None:
            self._background.spawn(self._restore(pool, node, restore_after))

    async def fail_node(self, pool: PoolRecord, node: NodeRecord, *, replace: bool) -> None:
        """Fail a node, as when its host is lost.

        :param replace: whether the pool gets another node at once; else this one stays, state unknown.
        """
        node.life.move(NodeState.UNKNOWN)
        await self._stop_boot(node)
        await self._runner.end_on_node(node, "recover")
        if replace:
            self._drop(pool, node)
            self.replace_lost(pool)

    async def fill_disk(self, node: NodeRecord) -> None:
        """Make a node unusable, as the agent does when the disk is nearly full; its tasks go back to the queue."""
        if not node.state.has_booted:
            return
        node.errors = [{"code": "DiskFull", "message": "There is not enough disk space left on the node"}]
        node.life.move(NodeState.UNUSABLE)
        await self._runner.end_on_node(node, "recover")

    async def disable_scheduling(self, node: NodeRecord, body: Json) -> None:
        """Disable the scheduling of tasks on a node."""
        deallocation = option(body, "nodeDisableSchedulingOption", DeallocationOption.REQUEUE)
        self.check_booted(node)
        if not node.scheduling_enabled:
            raise BatchServiceError("NodeAlreadyInTargetSchedulingState")
        node.scheduling_enabled = False
        if not deallocation.waits:
            await self._runner.end_on_node(node, _cause(deallocation))
        node.settle()

    def enable_scheduling(self, node: NodeRecord) -> None:
        """Enable the scheduling of tasks on a node."""
        if node.scheduling_enabled:
            raise BatchServiceError("NodeAlreadyInTargetSchedulingState")
        node.scheduling_enabled = True
        node.settle()
        self._scheduler.kick(node.pool_id)

    def check_booted(self, node: NodeRecord) -> None:
        """Refuse what can be done only to a node that is idle or running.

        :raises BatchServiceError: ``NodeNotReady``.
        """
        if not node.state.has_booted:
            raise BatchServiceError("NodeNotReady", Reason=f"The node is {node.state}.")

    def create_user(self, node: NodeRecord, body: Json) -> str:
        """Create a user on a node."""
        self.check_booted(node)
        name = str(required(body, "name"))
        if len(name) > _MAX_USER_NAME:
            raise invalid_property("name", name, f"The name may have at most {_MAX_USER_NAME} characters.")
        if not body.get("password") and not body.get("sshPublicKey"):
            raise BatchServiceError("MissingRequiredProperty", PropertyName="password")
        if name in node.users:
            raise BatchServiceError("NodeUserExists")
        node.users[name] = _user(body)
        return name

    def replace_user(self, node: NodeRecord, name: str, body: Json) -> None:
        """Replace a user's password, key or time of expiry."""
        self.check_booted(node)
        if name not in node.users:
            raise BatchServiceError("NodeUserNotFound")
        node.users[name] = {**_user(body), "isAdmin": node.users[name]["isAdmin"]}

    def delete_user(self, node: NodeRecord, name: str) -> None:
        """Delete a user of a node."""
        if node.users.pop(name, None) is None:
            raise BatchServiceError("NodeUserNotFound")

    def _begin_boot(self, pool: PoolRecord, node: NodeRecord) -> None:
        self._boots[node.id] = self._background.spawn(self._boot(pool, node))

    async def _stop_boot(self, node: NodeRecord) -> None:
        """Stop a node's boot or start task, and wait until no process of it is left."""
        boot = self._boots.pop(node.id, None)
        if boot is not None:
            boot.cancel()
            await asyncio.gather(boot, return_exceptions=True)

    async def _boot(self, pool: PoolRecord, node: NodeRecord) -> None:
        await asyncio.sleep(0)
        node.life.move(NodeState.STARTING)
        await asyncio.sleep(self._executors.faults.boot_delay)
        make_node_root(node.root)
        node.booted = utcnow()
        if self._image_fails(pool, node):
            return
        if pool.spec.start_task is not None:
            run = StartTaskRun(self._executors, node, pool.spec.start_task)
            if pool.spec.start_task.wait_for_success:
                node.life.move(NodeState.WAITING)
                if not await run.succeeds():
                    node.life.move(NodeState.START_TASK_FAILED)
                    return
            else:
                self._boots[node.id] = self._background.spawn(run.run())
        node.settle()
        self._scheduler.kick(pool.id)

    def _image_fails(self, pool: PoolRecord, node: NodeRecord) -> bool:
        images = list(pool.spec.container_images or ())
        failed = self._executors.faults.for_image(pool.id, images, "node")
        if failed is None:
            return False
        node.errors = [
            {
                "code": "ContainerInvalidImage",
                "message": "One or more container images specified in the pool are invalid",
                "errorDetails": [{"name": "Image", "value": failed}],
            }
        ]
        node.life.move(NodeState.UNUSABLE)
        return True

    async def _reboot(self, pool: PoolRecord, node: NodeRecord, deallocation: DeallocationOption) -> None:
        if deallocation.waits:
            await self._runner.wait_for_node(node)
        await self._runner.end_on_node(node, "terminate" if deallocation is DeallocationOption.TERMINATE else "recover")
        await self._stop_boot(node)
        if node.state is NodeState.REBOOTING:
            self._begin_boot(pool, node)

    async def _restore(self, pool: PoolRecord, node: NodeRecord, after: float) -> None:
        await asyncio.sleep(after)
        if node.state is NodeState.PREEMPTED:
            node.life.move(NodeState.CREATING)
            self._begin_boot(pool, node)

    def _drop(self, pool: PoolRecord, node: NodeRecord) -> None:
        if node.id not in pool.nodes:
            return  # a deletion and a resize took it away at the same time
        pool.nodes.remove(node.id)
        remove_tree(node.root)
        self._addresses.give_back(node.address)


def _cause(deallocation: DeallocationOption) -> Cause:
    return "terminate" if deallocation is DeallocationOption.TERMINATE else "requeue"


def _user(body: Json) -> Json:
    expiry = body.get("expiryTime")
    if expiry is not None:
        try:
            parse_time(str(expiry))
        except ValueError as error:
            raise invalid_property("expiryTime", expiry, "A time is expected.") from error
    # Neither password nor key is kept: nobody could log in with them here.
    return {"isAdmin": bool(body.get("isAdmin", False)), "expiryTime": expiry or format_time(utcnow())}
