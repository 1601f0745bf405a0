"""Orders that make the emulator behave as the real service may: what stays ordered until all faults are cleared."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution.environment import NodeEnvironment

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["Orders", "PoolOrder"]


@dataclass(kw_only=True)
class PoolOrder:
    """What happens to the auto-pool of a job, *count* times (-1: always) after *skip* jobs."""

    job: str = "*"
    count: int = 1
    skip: int = 0

    def use(self, job_id: str) -> bool:
        """Return whether it happens to this job."""
        if not fnmatchcase(job_id, self.job) or self.count == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count > 0:
            self.count -= 1
        return True


@dataclass(kw_only=True)
class Orders:
    """Everything that is ordered.

    :param terminated_blocks: tasks that are terminated, by request or by their time, meet no exit condition: their
        dependents wait for ever, and nothing happens to the job.
    :param zero_never_acts: exit code 0 does nothing to the job, whatever the exit conditions say.
    :param retries_move: a failed task is retried on another node, if one is free.
    :param refused_options: names of options of ``docker create`` that the service does not take after all.
    :param directory_stubs: listings of containers hold the directories, as with a hierarchical namespace.
    """

    terminated_blocks: bool = False
    zero_never_acts: bool = False
    retries_move: bool = False
    directory_stubs: bool = False
    refused_options: set[str] = field(default_factory=set)
    surviving_pools: list[PoolOrder] = field(default_factory=list)
    missing_pools: list[PoolOrder] = field(default_factory=list)
    disks: list[tuple[str, int]] = field(default_factory=list)
    environments: list[tuple[str, NodeEnvironment]] = field(default_factory=list)

    def pool_survives(self, job_id: str) -> bool:
        """Return whether the pool of a job that ends stays."""
        return any(order.use(job_id) for order in self.surviving_pools)

    def pool_never_appears(self, job_id: str) -> bool:
        """Return whether a new job gets no pool, and no error either."""
        return any(order.use(job_id) for order in self.missing_pools)

    def disk_is_full(self, pool_id: str, containers: int) -> bool:
        """Return whether so many containers that were not removed fill the disk of a pool's node."""
        return any(fnmatchcase(pool_id, pattern) and containers > limit for pattern, limit in self.disks)

    def environment(self, pool_id: str) -> Sequence[NodeEnvironment]:
        """Return the orders for the environment that a pool's nodes bring, the oldest first."""
        return [change for pattern, change in self.environments if fnmatchcase(pool_id, pattern)]
