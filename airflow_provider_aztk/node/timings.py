"""All intervals and grace periods that tests shorten, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Mapping

__all__ = ["SPEEDUP_VARIABLE", "Timings"]

SPEEDUP_VARIABLE = "AZTK_NODE_SPEEDUP"


@dataclass(frozen=True)
class Timings:
    """Intervals and grace periods in seconds.

    :param stop_check: between two checks for the blob that stops an application
    :param master_check: between two checks for a new master, by drivers and workers
    :param placement_check: between two checks whether a driver's executors can be placed
    :param recovery_grace: for a driver to appear in the list of a new master, which has just recovered it
    :param adoption: for a new master to adopt a worker; Spark's master gives the worker 60 s to answer
    :param stop_grace: between SIGTERM and SIGKILL for a driver
    :param status_check: between two checks of the master's own state
    :param workers_check: between two checks of the workers' states by the master
    :param complete_workers_check: the same once all workers are there
    :param done: for Batch to note the end of a job's last application, and to run the task that ends the job
    :param restart_pause: before the first restart of a worker
    :param healthy: after so long a process has started well
    :param download_pause: before the second try of a download; grows with each
    """

    stop_check: float = 3.0
    master_check: float = 5.0
    placement_check: float = 10.0
    recovery_grace: float = 20.0
    adoption: float = 75.0
    stop_grace: float = 15.0
    status_check: float = 2.0
    workers_check: float = 5.0
    complete_workers_check: float = 30.0
    done: float = 60.0
    restart_pause: float = 2.0
    healthy: float = 60.0
    download_pause: float = 2.0

    def faster(self, factor: float) -> Timings:
        """Return the same timings, each divided by a factor."""
        return Timings(**{each.name: getattr(self, each.name) / factor for each in fields(self)})

    @staticmethod
    def from_environment(env: Mapping[str, str]) -> Timings:
        """Return the timings of a real node; tests of the whole zipapp divide them by ``AZTK_NODE_SPEEDUP``."""
        try:
            return Timings().faster(max(float(env.get(SPEEDUP_VARIABLE) or 1), 1.0))
        except ValueError:
            return Timings()
