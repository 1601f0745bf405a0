"""Orders of the admin client that make the emulator behave as the real service may."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Orders"]


class Orders(ABC):
    """Makes the emulator behave as the real service may; ``clear()`` takes everything back."""

    def terminated_tasks_block(self, *, enabled: bool = True) -> None:
        """Let tasks that are terminated, by request or by their time, meet no exit condition.

        Their dependents wait for ever, and nothing happens to their job.
        """
        self._call("PUT", "/switches", {"terminated_blocks": enabled})

    def exit_code_zero_never_acts(self, *, enabled: bool = True) -> None:
        """Let exit code 0 do nothing to a job, whatever the task's exit conditions say."""
        self._call("PUT", "/switches", {"zero_never_acts": enabled})

    def pool_survives_job(self, *, job: str | None = None, count: int | None = None, skip: int | None = None) -> None:
        """Let the auto-pool of a job that ends or is deleted stay."""
        self._inject("POST", "/surviving-pools", job=job, count=count, skip=skip)

    def pool_never_appears(self, *, job: str | None = None, count: int | None = None, skip: int | None = None) -> None:
        """Let a new job get no auto-pool, and no error either: it stays active."""
        self._inject("POST", "/missing-pools", job=job, count=count, skip=skip)

    def node_environment(
        self,
        *,
        pool: str | None = None,
        remove: Sequence[str] | None = None,
        values: Mapping[str, str] | None = None,
    ) -> None:
        """Change what nodes bring into the environment of tasks that start from now on.

        :param remove: variables that they do not bring, e.g. ``HOME`` and ``SPARK_LOCAL_IP``.
        :param values: variables that they bring in addition.
        """
        given = {"remove": None if remove is None else list(remove), "values": None if values is None else dict(values)}
        self._inject("POST", "/node-environments", pool=pool, **given)

    def host_network_ignored(self, *, pool: str | None = None) -> None:
        """Give container tasks that start from now on the address of a container in docker's own network."""
        self._inject("POST", "/ignored-host-networks", pool=pool)

    def retries_move(self, *, enabled: bool = True) -> None:
        """Let failed tasks be retried on another node, if one is free; else in the same directory as before."""
        self._call("PUT", "/switches", {"retries_move": enabled})

    def disk_full(self, pool: str, node: str) -> None:
        """Fill the disk of a node: it becomes unusable, and its tasks go back to the queue."""
        self._call("POST", "/disk-full", {"pool": pool, "node": node})

    def disk_holds(self, containers: int, *, pool: str | None = None) -> None:
        """Let the disks of nodes hold only so many ended containers that were not removed (``--rm``)."""
        self._inject("POST", "/small-disks", pool=pool, containers=containers)

    def directory_stubs(self, *, enabled: bool = True) -> None:
        """Let the agent find the directories in the listings of containers, as with a hierarchical namespace."""
        self._call("PUT", "/switches", {"directory_stubs": enabled})

    @abstractmethod
    def _inject(self, method: str, path: str, /, **fault: Any) -> None:
        """Send an order to the stack."""

    @abstractmethod
    def _call(
        self, method: str, path: str, order: dict[str, Any] | None = None, *, prefix: str = "/_admin"
    ) -> dict[str, Any]:
        """Send an order to the stack."""
