"""Keep one Spark worker running on this node, beside the master or alone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional

from airflow_provider_aztk.node import machine
from airflow_provider_aztk.node.contract import memory_mb
from airflow_provider_aztk.node.errors import WorkerFailedError
from airflow_provider_aztk.node.log.last_lines import LastLines
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.process.child import Child
from airflow_provider_aztk.node.spark import home, properties
from airflow_provider_aztk.node.spark.env_file import java_properties, wanted_port
from airflow_provider_aztk.node.spark.web import read_master

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context
    from airflow_provider_aztk.node.contract import Master

__all__ = ["Backoff", "WorkerProcess"]

WEB_PORT = 8081
WEB_PROPERTY = "spark.worker.ui.port"
SHUFFLE_PORT = 7337
SHUFFLE_PROPERTY = "spark.shuffle.service.port"
SHUFFLE_SWITCH = "spark.shuffle.service.enabled"
STOP_GRACE = 5.0
# A worker is given up after so many quick ends in a row: one that never worked, and one that did.
STARTS = 4
STARTS_ONCE_HEALTHY = 10


@dataclass
class Backoff:
    """Decide when something that keeps ending may be started again.

    :param healthy: seconds of life after which an end counts as the first one again
    """

    first: float = 2.0
    longest: float = 60.0
    healthy: float = 60.0
    failures: int = field(default=0, init=False)
    not_before: float = field(default=0.0, init=False)

    def ended(self, now: float, lived: float) -> float:
        """Note an end, and return the seconds until the next start."""
        self.failures = 1 if lived >= self.healthy else self.failures + 1
        wait = min(self.first * 2.0 ** min(self.failures - 1, 16), self.longest)
        self.not_before = now + wait
        return wait


class WorkerProcess:
    """A Spark worker as a child process.

    :param env: environment of Spark's processes
    :param values: Spark properties of the worker
    """

    def __init__(
        self,
        context: Context,
        env: Mapping[str, str],
        values: Mapping[str, str],
        beside_master: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._env = env
        self._clock = clock
        capacity = machine.measure()
        reserves = context.cluster.reserves
        self._cores = int(env.get("SPARK_WORKER_CORES") or machine.cores_offered(capacity, reserves))
        given = memory_mb(env.get("SPARK_WORKER_MEMORY") or "")
        self._memory = given or machine.memory_offered_mb(capacity, reserves, beside_master)
        # A worker that cannot have its port must end, not take another one: the master's list is searched by its port.
        self._values = {**values, "spark.port.maxRetries": "0"}
        # Java options win over properties.
        self._options = {
            **java_properties(env.get("SPARK_DAEMON_JAVA_OPTS")),
            **java_properties(env.get("SPARK_WORKER_OPTS")),
        }
        self._java_opts = _read(self._java_opts_path())
        self._backoff = Backoff(first=context.timings.restart_pause, healthy=context.timings.healthy)
        self._started = 0.0
        self._quick_ends = 0
        self._was_healthy = False
        self._child: Optional[Child] = None
        self._output = LastLines([values.get("spark.authenticate.secret", "")])
        self.port = 0

    def start(self, master: Master) -> None:
        """Start the worker for a master."""
        host = self._context.host
        self.port = machine.free_port(host, wanted_port(0, self._env.get("SPARK_WORKER_PORT")))
        ports = self._choose_ports(host)
        path = self._context.private.write("worker.properties", properties.dump({**self._values, **ports}))
        args = ["--host", host, "--port", str(self.port), "--webui-port", ports[WEB_PROPERTY]]
        args += ["--cores", str(self._cores), "--memory", f"{self._memory}M"]
        args += ["--work-dir", self._env["SPARK_WORKER_DIR"], "--properties-file", path, master.url]
        log(f"starting a worker with {self._cores} cores and {self._memory} MiB for {master.url}")
        command = home.daemon_command(self._env, "Worker", args)
        self._started = self._clock()
        options = " ".join([self._env.get("SPARK_WORKER_OPTS", ""), *self._overruled(ports)]).strip()
        env = {**self._env, "SPARK_WORKER_OPTS": options} if options else self._env
        self._child = Child(command, env, self._context.directory, self._context.private.directory, capture=True)
        assert self._child.output is not None
        self._output.follow(self._child.output)

    def _choose_ports(self, host: str) -> Dict[str, str]:
        """Choose the ports that are taken on every node alike, or else free ones.

        The shuffle service listens on all addresses of a machine, so workers that share one cannot share its port.
        Executors learn theirs from the file of Java options in SPARK_CONF_DIR, which Spark reads for each of them.
        """
        given = self._options.get(WEB_PROPERTY), self._values.get(WEB_PROPERTY)
        web = wanted_port(WEB_PORT, *given, self._env.get("SPARK_WORKER_WEBUI_PORT"))
        ports = {WEB_PROPERTY: str(machine.free_port(host, web))}
        if self._options.get(SHUFFLE_SWITCH, self._values.get(SHUFFLE_SWITCH, "")).strip().lower() == "true":
            given = self._options.get(SHUFFLE_PROPERTY), self._values.get(SHUFFLE_PROPERTY)
            ports[SHUFFLE_PROPERTY] = str(machine.free_port("", wanted_port(SHUFFLE_PORT, *given)))
            with open(self._java_opts_path(), "w", encoding="utf-8") as file:
                file.write(f"{self._java_opts}\n-D{SHUFFLE_PROPERTY}={ports[SHUFFLE_PROPERTY]}\n")
        return ports

    def _overruled(self, ports: Mapping[str, str]) -> List[str]:
        return [f"-D{name}={port}" for name, port in ports.items() if name in self._options]

    def _java_opts_path(self) -> str:
        return os.path.join(self._env["SPARK_CONF_DIR"], "java-opts")

    def keep_running(self, master: Master) -> bool:
        """Start the worker again if it ended and its pause is over; return whether it was started.

        :raises WorkerFailedError: it ended soon after each of its last starts
        """
        now = self._clock()
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return False
            wait = self._backoff.ended(now, now - self._started)
            log(f"the worker ended with exit code {code}; the next start is in {wait:.0f} s")
            self._child = None
            self._count_end(code, now - self._started, master)
        if now < self._backoff.not_before:
            return False
        self.start(master)
        return True

    def _count_end(self, code: int, lived: float, master: Master) -> None:
        """Give the worker up after several quick ends; while no master answers, the cause may be the master."""
        view = read_master(master.host, master.web_port)
        if view is None:
            return
        healthy = lived >= self._backoff.healthy and view.knows_worker(self._context.host, self.port)
        self._was_healthy |= healthy
        self._quick_ends = 1 if healthy else self._quick_ends + 1
        if self._quick_ends >= (STARTS_ONCE_HEALTHY if self._was_healthy else STARTS):
            text = f"Spark's worker ended {self._quick_ends} times in a row, the last time with exit code {code}"
            raise WorkerFailedError(text, self._output.lines())

    def stop(self) -> None:
        """End the worker and its executors."""
        if self._child is not None:
            self._child.stop(STOP_GRACE)
            self._child = None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
