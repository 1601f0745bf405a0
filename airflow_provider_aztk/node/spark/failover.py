"""What drivers and workers decide when a new master takes over from a lost one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, FrozenSet, Optional

from airflow_provider_aztk.node.log.messages import log

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Master
    from airflow_provider_aztk.node.spark.web import MasterView

__all__ = ["DriverFailover", "WorkerFailover", "is_lost"]

LOCAL_MODE = "local-"


def is_lost(registered: FrozenSet[str], view: Optional[MasterView]) -> bool:
    """Return whether a driver has an application that a serving master does not know.

    A driver without a Spark context, or with one in local mode, has nothing to lose.
    """
    ids = {one for one in registered if not one.startswith(LOCAL_MODE)}
    return view is not None and view.alive and bool(ids) and not ids & view.applications


class DriverFailover:
    """Decide whether a new master knows a driver's application.

    :param master: the one that the driver was started for
    :param registered: returns the ids under which the driver is registered now
    :param read: asks a master for what it knows
    :param grace: seconds for the driver to appear in a new master's list
    """

    def __init__(
        self,
        master: Master,
        registered: Callable[[], FrozenSet[str]],
        read: Callable[[Master], Optional[MasterView]],
        grace: float,
    ) -> None:
        self._master = master
        self._registered = registered
        self._read = read
        self._grace = grace
        self._successor: Optional[Master] = None
        self._since = 0.0
        self._missing = 0

    def is_lost(self, now: float, newest: Optional[Master]) -> bool:
        """Return whether the driver's application is lost: missing twice in a row in the list of the newest master."""
        if newest is None or newest == self._master:
            return False
        if newest != self._successor:
            log(f"there is a new master at {newest.url}")
            self._successor, self._since, self._missing = newest, now, 0
        if now - self._since < self._grace:
            return False
        self._missing = self._missing + 1 if is_lost(self._registered(), self._read(newest)) else 0
        return self._missing >= 2


class WorkerFailover:
    """Decide whether a worker has to start again for a new master.

    :param master: the one that the worker was started for
    :param patience: seconds for a new master to adopt the worker
    """

    def __init__(self, master: Master, patience: float) -> None:
        self.master = master
        self._patience = patience
        self._successor: Optional[Master] = None
        self._since = 0.0

    def must_restart(self, now: float, newest: Optional[Master], adopted: Callable[[Master], bool]) -> bool:
        """Return whether the worker has to start again, then for :attr:`master`.

        :param newest: where the master is now; None while none is ready
        :param adopted: returns whether a master has the worker in its list
        """
        if newest is None or newest == self.master:
            self._successor = None
            return False
        if newest != self._successor:
            self._successor, self._since = newest, now
            log(f"there is a new master at {newest.url}")
        if adopted(newest):
            log("the new master has adopted this worker")
            self.master = newest
            return False
        if now - self._since < self._patience:
            return False
        log(f"the new master did not adopt this worker within {self._patience:.0f} s: it starts anew")
        self.master = newest
        return True
