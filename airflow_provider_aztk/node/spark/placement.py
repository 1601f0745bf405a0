"""Find out that an application will never have an executor: it asks for more than any worker of its cluster offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, FrozenSet, Optional

from airflow_provider_aztk.node.log.messages import log

if TYPE_CHECKING:
    from airflow_provider_aztk.node.spark.web import ExecutorRequest, MasterView, WaitingApplication

__all__ = ["PlacementMonitor", "placement_error"]


def placement_error(app: WaitingApplication, request: ExecutorRequest, memory_mb: int, cores: int) -> str:
    """Return why no worker can hold one executor; empty where one can.

    :param request: the cores that the driver asks for
    :param memory_mb: what the largest worker offers
    :param cores: what the worker with the most cores offers
    """
    if app.memory_mb > memory_mb:
        asked, offered = _amount(app.memory_mb), _amount(memory_mb)
        return f"it asks for {asked} of memory an executor, the largest worker offers {offered}"
    if request.cores > cores:
        return f"it asks for {request.cores} cores an executor, the largest worker offers {cores}"
    if request.max_cores and request.cores > request.max_cores:
        return f"it asks for {request.cores} cores an executor, and for at most {request.max_cores} in all"
    return ""


class PlacementMonitor:
    """Watch an application that has no executor.

    An application that waits because others use the cores is left alone: its executors fit.

    :param patience: seconds without any executor after which an application that cannot be placed ends; None for never
    :param report: writes a line into the driver's log
    """

    def __init__(self, patience: Optional[float], report: Callable[[str], object] = log) -> None:
        self._patience = patience
        self._report = report
        self._since: Optional[float] = None
        self._reported = ""
        # The most that was ever seen: a lost node may come back.
        self._memory_mb = 0
        self._cores = 0

    def check(self, now: float, view: Optional[MasterView], ids: FrozenSet[str], request: ExecutorRequest) -> str:
        """Return why the application is to end; empty while it may go on.

        :param view: what the master reports
        :param ids: under which the driver is registered
        """
        reason = self._error(view, ids, request)
        if not reason:
            self._since = None
            return ""
        self._since = now if self._since is None else self._since
        if reason != self._reported:
            self._reported = reason
            limit = "" if self._patience is None else f"; it ends if that stays so for {self._patience:.0f} s"
            self._report(f"no worker can hold an executor of this application: {reason}{limit}")
        over = self._patience is not None and now - self._since >= self._patience
        return reason if over else ""

    def _error(self, view: Optional[MasterView], ids: FrozenSet[str], request: ExecutorRequest) -> str:
        if view is None or not view.alive or not view.live_workers:
            return ""
        app = next((each for each in view.waiting if each.id in ids), None)
        if app is None:
            return ""
        alive = [worker for worker in view.workers if worker.alive]
        self._memory_mb = max([self._memory_mb, *(worker.memory_mb for worker in alive)])
        self._cores = max([self._cores, *(worker.cores for worker in alive)])
        return placement_error(app, request, self._memory_mb, self._cores)


def _amount(memory_mb: int) -> str:
    return f"{memory_mb / 1024:.4g} GiB" if memory_mb >= 1024 else f"{memory_mb} MiB"
