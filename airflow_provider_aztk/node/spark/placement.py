"""Find out that an application will never have an executor: it asks for more than any worker of its cluster offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, FrozenSet, Optional

from airflow_provider_aztk.node.log.messages import say

if TYPE_CHECKING:
    from airflow_provider_aztk.node.spark.web import ApplicationView, MasterView, Wish

__all__ = ["Placement", "misfit"]


def misfit(app: ApplicationView, wish: Wish, memory_mb: int, cores: int) -> str:
    """Say why the largest worker cannot hold one executor; empty where it can.

    :param wish: the cores that it wants
    :param memory_mb: what the largest worker offers
    :param cores: what the worker with the most cores offers
    """
    if app.memory_mb > memory_mb:
        return f"it asks for {_amount(app.memory_mb)} of memory an executor, the largest worker offers " + _amount(
            memory_mb
        )
    if wish.cores > cores:
        return f"it asks for {wish.cores} cores an executor, the largest worker offers {cores}"
    if wish.most_cores and wish.cores > wish.most_cores:
        return f"it asks for {wish.cores} cores an executor, and for at most {wish.most_cores} in all"
    return ""


class Placement:
    """Watch an application that has no executor.

    An application that waits because others hold the cores is left alone: its executors fit.

    :param patience: seconds without any executor after which one that cannot be placed is given up; None for never
    :param tell: says something in the driver's log
    """

    def __init__(self, patience: Optional[float], tell: Callable[[str], object] = say) -> None:
        self._patience = patience
        self._tell = tell
        self._since: Optional[float] = None
        self._told = ""
        # The most that was ever seen: a node that is away may come back.
        self._memory_mb = 0
        self._cores = 0

    def look(self, now: float, view: Optional[MasterView], ids: FrozenSet[str], wish: Wish) -> str:
        """Take in what the master says; give the reason to end the application, or nothing.

        :param ids: under which the driver is registered
        """
        app = next((each for each in view.waiting if each.id in ids), None) if view is not None and view.alive else None
        if view is None or app is None or not view.live_workers:
            self._since = None
            return ""
        self._memory_mb = max([self._memory_mb, *(worker.memory_mb for worker in view.workers if worker.alive)])
        self._cores = max([self._cores, *(worker.cores for worker in view.workers if worker.alive)])
        reason = misfit(app, wish, self._memory_mb, self._cores)
        if not reason:
            self._since = None
            return ""
        self._since = now if self._since is None else self._since
        if reason != self._told:
            self._told = reason
            limit = "" if self._patience is None else f"; it ends if that stays so for {self._patience:.0f} s"
            self._tell(f"no worker can hold an executor of this application: {reason}{limit}")
        over = self._patience is not None and now - self._since >= self._patience
        return reason if over else ""


def _amount(memory_mb: int) -> str:
    return f"{memory_mb / 1024:.4g} GiB" if memory_mb >= 1024 else f"{memory_mb} MiB"
