"""Show that a driver lives, and watch for what must end it: a stop marker, or a new master that does not know it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Callable, FrozenSet, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.context import read_master_blob
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.errors import NodeError
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.spark import web
from airflow_provider_aztk.node.storage.blobs import Blobs, Policy
from airflow_provider_aztk.node.timings import hasty

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract.documents import Master
    from airflow_provider_aztk.node.spark.placement import Placement
    from airflow_provider_aztk.node.spark.web import MasterView

__all__ = ["LOST", "STOPPED", "UNPLACED", "Allegiance", "Vitals", "is_lost"]

STOPPED = "stopped"
LOST = "lost"
UNPLACED = "unplaced"

TICK = 0.5
STOP_INTERVAL = 3.0
MASTER_INTERVAL = 5.0
PLACEMENT_INTERVAL = 10.0
# A driver that the new master has just recovered may need a moment to appear in its list.
GRACE = 20.0
# Storage must not keep a lease from being renewed in time.
VITALS_POLICY = Policy(timeout=10.0, patience=10.0)
LOCAL_MODE = "local-"


def is_lost(registered: FrozenSet[str], view: Optional[MasterView]) -> bool:
    """Tell whether a driver has an application that a serving master does not know.

    A driver without a Spark context, or with one in local mode, has nothing to lose.
    """
    ids = {one for one in registered if not one.startswith(LOCAL_MODE)}
    return view is not None and view.alive and bool(ids) and not ids & view.applications


class Allegiance:
    """Follow which master there is, and whether it knows this driver.

    :param master: the one that the driver was started for
    :param registered: gives the ids under which the driver is registered now
    :param look: asks a master for what it knows
    """

    def __init__(
        self,
        master: Master,
        registered: Callable[[], FrozenSet[str]],
        look: Callable[[Master], Optional[MasterView]],
        grace: float = GRACE,
    ) -> None:
        self._master = master
        self._registered = registered
        self._look = look
        self._grace = grace
        self._newcomer: Optional[Master] = None
        self._since = 0.0
        self._doubts = 0

    def lost(self, now: float, newest: Optional[Master]) -> bool:
        """Take in where the master is now; tell whether the driver's application is lost, seen twice in a row."""
        if newest is None or newest == self._master:
            return False
        if newest != self._newcomer:
            say(f"there is a new master at {newest.url}")
            self._newcomer, self._since, self._doubts = newest, now, 0
        if now - self._since < self._grace:
            return False
        self._doubts = self._doubts + 1 if is_lost(self._registered(), self._look(newest)) else 0
        return self._doubts >= 2


class Vitals:
    """Renew a driver's lease and look for what must end it, in a thread of its own.

    :param name: the application
    """

    def __init__(self, blobs: Blobs, name: str, node_id: str) -> None:
        self._blobs = blobs.with_policy(VITALS_POLICY)
        self._name = name
        self._lease = documents.encode({"node_id": node_id})
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)
        self._allegiance: Optional[Allegiance] = None
        self._newest: Optional[Master] = None
        self._look_at_placement: Callable[[float], str] = lambda now: ""
        self._due = dict.fromkeys(("lease", "stop", "master", "placement"), 0.0)
        self.verdict = ""
        self.reason = ""

    def start(self) -> None:
        """Look once, so that an application that was stopped before never starts, then go on in the background."""
        self._step(time.monotonic())
        self._thread.start()

    def serve(self, master: Master, ui_port: int, host: str) -> None:
        """Tell which master the driver is started for, and where its own page will be."""
        self._allegiance = Allegiance(
            master,
            lambda: web.driver_application_ids(host, ui_port),
            lambda newest: web.read_master(newest.host, newest.web_port),
            hasty(GRACE),
        )

    def place(self, master: Master, ui_port: int, host: str, placement: Placement) -> None:
        """Watch whether the driver's executors can be placed."""

        def look(now: float) -> str:
            ids = web.driver_application_ids(host, ui_port)
            where = self._newest or master
            view = web.read_master(where.host, where.web_port) if ids else None
            waits = view is not None and any(app.id in ids for app in view.waiting)
            wish = web.executor_wish(host, ui_port, sorted(ids)[0]) if waits else web.Wish()
            return placement.look(now, view, ids, wish)

        self._look_at_placement = look

    def end(self) -> None:
        """Stop looking, and give the lease up."""
        self._over.set()
        self._thread.join(VITALS_POLICY.timeout * 3)
        try:
            self._blobs.put(contract.lease_blob(self._name), b"")
        except NodeError as error:
            say(f"the lease could not be given up, it will run out: {error}")

    def _run(self) -> None:
        while not self._over.wait(TICK):
            self._step(time.monotonic())

    def _step(self, now: float) -> None:
        tasks = (
            ("lease", contract.LEASE_INTERVAL, self._renew),
            ("stop", hasty(STOP_INTERVAL), self._check_stop),
            ("master", hasty(MASTER_INTERVAL), self._check_master),
            ("placement", hasty(PLACEMENT_INTERVAL), self._check_placement),
        )
        for key, every, task in tasks:
            if now < self._due[key]:
                continue
            self._due[key] = now + every
            try:
                task(now)
            except NodeError as error:
                say(f"{key}: {error}")
            except Exception as error:  # the lease must be renewed whatever else is wrong
                say(f"{key}: {type(error).__name__}: {error}")

    def _renew(self, _now: float) -> None:
        self._blobs.put(contract.lease_blob(self._name), self._lease)

    def _check_stop(self, _now: float) -> None:
        if not self.verdict and self._blobs.head(contract.app_stop_blob(self._name)) is not None:
            say("there is a stop marker")
            self.verdict = STOPPED

    def _check_master(self, now: float) -> None:
        allegiance = self._allegiance
        if allegiance is None or self.verdict:
            return
        self._newest = read_master_blob(self._blobs)
        if allegiance.lost(now, self._newest):
            self.verdict = LOST

    def _check_placement(self, now: float) -> None:
        if self.verdict:
            return
        self.reason = self._look_at_placement(now)
        if self.reason:
            self.verdict = UNPLACED
