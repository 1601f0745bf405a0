"""Bringing pools to the number of nodes they should have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.values import Json, duration, integer, option
from airflow_provider_aztk.local.batch.services.faults import ResizeFault
from airflow_provider_aztk.local.batch.store.specs import DeallocationOption
from airflow_provider_aztk.local.batch.store.states import Allocation, NodeState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.background import Background
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.nodes import NodeService
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.records import NodeRecord, PoolRecord

__all__ = ["ResizeService"]

_FIVE_MINUTES = 300
_MAX_REMOVED = 100
#: The quota of a pool; a typing error should not fill the disk with directories of nodes.
_MAX_NODES = 1000


class ResizeService:
    """Adds nodes to pools and takes them away."""

    def __init__(
        self, account: Account, background: Background, faults: FaultInjector, runner: TaskRunner, nodes: NodeService
    ) -> None:
        self._account = account
        self._background = background
        self._faults = faults
        self._runner = runner
        self._nodes = nodes
        self._running: dict[str, asyncio.Task[None]] = {}

    def begin(self, pool: PoolRecord, deallocation: DeallocationOption = DeallocationOption.REQUEUE) -> None:
        """Begin to bring a pool to its targets."""
        pool.resize_errors = []
        pool.allocation.move(Allocation.RESIZING)
        self._start(pool, self._to_targets(pool, deallocation))

    def resize(self, pool: PoolRecord, body: Json) -> None:
        """Set new targets as a request asks."""
        self._check_steady(pool)
        dedicated = integer(body, "targetDedicatedNodes", pool.target_dedicated, 0)
        low_priority = integer(body, "targetLowPriorityNodes", pool.target_low_priority, 0)
        if body.get("targetDedicatedNodes") is None and body.get("targetLowPriorityNodes") is None:
            raise BatchServiceError("MissingRequiredProperty", PropertyName="targetDedicatedNodes")
        duration(body, "resizeTimeout", _FIVE_MINUTES)
        deallocation = option(body, "nodeDeallocationOption", DeallocationOption.REQUEUE)
        pool.target_dedicated, pool.target_low_priority = dedicated, low_priority
        self._account.touch(pool)
        self.begin(pool, deallocation)

    def remove_nodes(self, pool: PoolRecord, body: Json) -> None:
        """Remove named nodes; the targets shrink with them."""
        self._check_steady(pool)
        names = body.get("nodeList")
        if not isinstance(names, list) or not 1 <= len(names) <= _MAX_REMOVED:
            raise invalid_property("nodeList", names, f"A list of 1 to {_MAX_REMOVED} node ids is expected.")
        nodes = [self._nodes.find(pool, str(name)) for name in names]
        duration(body, "resizeTimeout", _FIVE_MINUTES)
        deallocation = option(body, "nodeDeallocationOption", DeallocationOption.REQUEUE)
        pool.resize_errors = []
        for node in nodes:
            if node.dedicated:
                pool.target_dedicated = max(0, pool.target_dedicated - 1)
            else:
                pool.target_low_priority = max(0, pool.target_low_priority - 1)
        self._account.touch(pool)
        pool.allocation.move(Allocation.RESIZING)
        self._start(pool, self._remove(pool, nodes, deallocation))

    def stop(self, pool: PoolRecord) -> None:
        """Stop a resize where it is."""
        if pool.allocation.state is not Allocation.RESIZING:
            raise BatchServiceError("OperationInvalidForCurrentState", Reason="The pool is not being resized.")
        pool.allocation.move(Allocation.STOPPING)
        self.cancel(pool)
        pool.resize_errors = [
            {"code": "ResizeStopped", "message": "Desired number of nodes could not be allocated as resize was stopped"}
        ]
        self._account.touch(pool)
        self._background.spawn(self._settle(pool))

    def cancel(self, pool: PoolRecord) -> None:
        """Stop the work on a pool, whatever its state."""
        running = self._running.pop(pool.id, None)
        if running is not None:
            running.cancel()

    def replace_lost(self, pool: PoolRecord) -> None:
        """Fill the place of a node that was lost, as the service heals pools by itself."""
        if pool.allocation.state is Allocation.STEADY:
            self.begin(pool)

    def _start(self, pool: PoolRecord, work: object) -> None:
        self.cancel(pool)
        assert asyncio.iscoroutine(work)
        self._running[pool.id] = self._background.spawn(work)

    def _check_steady(self, pool: PoolRecord) -> None:
        if pool.allocation.state is not Allocation.STEADY:
            raise BatchServiceError("PoolBeingResized")

    async def _to_targets(self, pool: PoolRecord, deallocation: DeallocationOption) -> None:
        fault = self._faults.for_resize(pool.id)
        await asyncio.sleep(self._faults.allocation_delay)
        leaving: list[NodeRecord] = []
        for dedicated in (True, False):
            target = pool.target_dedicated if dedicated else pool.target_low_priority
            missing = target - pool.count(dedicated=dedicated)
            if missing < 0:
                leaving += self._least_needed(pool, -missing, dedicated=dedicated)
            elif fault is None and missing > _MAX_NODES - len(pool.nodes):
                fault = ResizeFault(code="AccountCoreQuotaReached", message="The account's core quota was reached")
                missing = _MAX_NODES - len(pool.nodes)
            elif fault is not None:
                missing = min(missing, fault.dedicated if dedicated else fault.low_priority)
            for _ in range(missing):
                self._nodes.add(pool, dedicated=dedicated)
        if fault is not None:
            pool.resize_errors = [_error(fault)]
        await asyncio.gather(*(self._nodes.leave(pool, node, deallocation) for node in leaving))
        await self._settle(pool)

    async def _remove(self, pool: PoolRecord, nodes: list[NodeRecord], deallocation: DeallocationOption) -> None:
        await asyncio.gather(*(self._nodes.leave(pool, node, deallocation) for node in nodes))
        await self._settle(pool)

    async def _settle(self, pool: PoolRecord) -> None:
        await asyncio.sleep(0)
        if pool.allocation.state is not Allocation.STEADY:
            pool.allocation.move(Allocation.STEADY)

    def _least_needed(self, pool: PoolRecord, number: int, *, dedicated: bool) -> list[NodeRecord]:
        """Choose the nodes to give up: those that do nothing first, those with a job manager last."""
        managers = self._runner.nodes_with_managers(pool.id)
        candidates = [
            node for node in pool.nodes if node.dedicated is dedicated and node.state is not NodeState.LEAVING
        ]
        candidates.sort(key=lambda node: (node.id in managers, node.running_tasks, -node.number))
        return candidates[:number]


def _error(fault: ResizeFault) -> Json:
    error: Json = {"code": fault.code, "message": fault.message}
    if fault.values:
        error["values"] = [{"name": name, "value": value} for name, value in fault.values.items()]
    return error
