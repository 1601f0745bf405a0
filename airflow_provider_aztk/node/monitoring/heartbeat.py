"""Renew a driver's lease, and watch for what must end the driver: a stop, a lost application, missing executors."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Callable, Optional

from airflow_provider_aztk.node.context import read_master_blob
from airflow_provider_aztk.node.contract import LEASE_INTERVAL, ApplicationBlobs, ClusterBlobs, Lease
from airflow_provider_aztk.node.errors import NodeError
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.spark.failover import DriverFailover
from airflow_provider_aztk.node.spark.web import (
    ExecutorRequest,
    driver_application_ids,
    executor_request,
    read_master,
)
from airflow_provider_aztk.node.storage.blobs import Blobs, Policy

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Master
    from airflow_provider_aztk.node.spark.placement import PlacementMonitor
    from airflow_provider_aztk.node.timings import Timings

__all__ = ["LOST", "STOPPED", "UNPLACED", "Heartbeat"]

STOPPED = "stopped"
LOST = "lost"
UNPLACED = "unplaced"

TICK = 0.5
# Storage must not keep a lease from being renewed in time.
LEASE_POLICY = Policy(timeout=10.0, patience=10.0)


class Heartbeat:
    """Renew the lease of a driver and check what must end it, in a thread of its own.

    :attr:`verdict` is empty as long as the driver may run, :attr:`reason` explains it.

    :param name: the application
    """

    def __init__(self, blobs: Blobs, name: str, node_id: str, timings: Timings) -> None:
        self._blobs = blobs.with_policy(LEASE_POLICY)
        self._lease_blob = ClusterBlobs.lease(name)
        self._stop_blob = ApplicationBlobs(name).stop
        self._lease = Lease(node_id).to_bytes()
        self._timings = timings
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._failover: Optional[DriverFailover] = None
        self._newest: Optional[Master] = None
        self._placement_error: Callable[[float], str] = lambda now: ""
        self._due = dict.fromkeys(("lease", "stop", "master", "placement"), 0.0)
        self.verdict = ""
        self.reason = ""

    def start(self) -> None:
        """Check once, so that an application that was stopped before never starts; then go on in the background."""
        self._step(time.monotonic())
        self._thread.start()

    def watch_master(self, master: Master, ui_port: int, host: str) -> None:
        """Watch whether the driver's application survives the loss of a master.

        :param master: the one that the driver is started for
        :param ui_port: port of the driver's own page, on ``host``
        """
        self._failover = DriverFailover(
            master,
            lambda: driver_application_ids(host, ui_port),
            lambda newest: read_master(newest.host, newest.web_port),
            self._timings.recovery_grace,
        )

    def watch_placement(self, master: Master, ui_port: int, host: str, monitor: PlacementMonitor) -> None:
        """Watch whether the driver's executors can be placed; see :meth:`watch_master`."""

        def check(now: float) -> str:
            ids = driver_application_ids(host, ui_port)
            where = self._newest or master
            view = read_master(where.host, where.web_port) if ids else None
            waits = view is not None and any(app.id in ids for app in view.waiting)
            request = executor_request(host, ui_port, sorted(ids)[0]) if waits else ExecutorRequest()
            return monitor.check(now, view, ids, request)

        self._placement_error = check

    def stop(self) -> None:
        """Stop checking, and give the lease up."""
        self._over.set()
        self._thread.join(LEASE_POLICY.timeout * 3)
        try:
            self._blobs.put(self._lease_blob, b"")
        except NodeError as error:
            log(f"the lease could not be given up, it will run out: {error}")

    def _run(self) -> None:
        while not self._over.wait(TICK):
            self._step(time.monotonic())

    def _step(self, now: float) -> None:
        tasks = (
            ("lease", LEASE_INTERVAL, self._renew),
            ("stop", self._timings.stop_check, self._check_stop),
            ("master", self._timings.master_check, self._check_master),
            ("placement", self._timings.placement_check, self._check_placement),
        )
        for key, every, task in tasks:
            if now < self._due[key]:
                continue
            self._due[key] = now + every
            try:
                task(now)
            except NodeError as error:
                log(f"{key}: {error}")
            except Exception as error:  # the lease must be renewed whatever else is wrong
                log(f"{key}: {type(error).__name__}: {error}")

    def _renew(self, _now: float) -> None:
        self._blobs.put(self._lease_blob, self._lease)

    def _check_stop(self, _now: float) -> None:
        if not self.verdict and self._blobs.head(self._stop_blob) is not None:
            log("the application is to be stopped")
            self.verdict = STOPPED

    def _check_master(self, now: float) -> None:
        if self._failover is None or self.verdict:
            return
        self._newest = read_master_blob(self._blobs)
        if self._failover.is_lost(now, self._newest):
            self.verdict = LOST

    def _check_placement(self, now: float) -> None:
        if self.verdict:
            return
        self.reason = self._placement_error(now)
        if self.reason:
            self.verdict = UNPLACED
