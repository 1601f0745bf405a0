"""The job manager task: Spark's master with a worker beside it, its readiness, its recovery, its end when idle."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple

from airflow_provider_aztk.node import machine
from airflow_provider_aztk.node.context import spark_secret
from airflow_provider_aztk.node.contract import (
    RUN_ON_MASTER,
    RUN_ON_WORKER,
    ClusterBlobs,
    ClusterState,
    Master,
    WorkerState,
    WorkerStatus,
)
from airflow_provider_aztk.node.errors import (
    BlobError,
    NoMasterError,
    StartFailedError,
    TerminatedError,
    WorkerFailedError,
)
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.monitoring.failure_report import final_exit_code, read_earlier, report_failure
from airflow_provider_aztk.node.monitoring.master_monitor import MasterMonitor
from airflow_provider_aztk.node.monitoring.worker_monitor import WorkerMonitor
from airflow_provider_aztk.node.network import check_host_network
from airflow_provider_aztk.node.process.child import Child
from airflow_provider_aztk.node.spark import home, properties
from airflow_provider_aztk.node.spark.custom_scripts import run_scripts
from airflow_provider_aztk.node.spark.env_file import java_properties, load, wanted_port
from airflow_provider_aztk.node.spark.web import read_master
from airflow_provider_aztk.node.spark.worker_process import WorkerProcess
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.recovery import RecoveryMirror

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context
    from airflow_provider_aztk.node.spark.web import MasterView

__all__ = ["run"]

PORT = 7077
WEB_PORT = 8080
WEB_PROPERTY = "spark.master.ui.port"
OPTIONS = ("SPARK_DAEMON_JAVA_OPTS", "SPARK_MASTER_OPTS")
READY_PATIENCE = 300.0
STARTS = 4
TICK = 1.0
READY_TICK = 0.2
STOP_GRACE = 5.0
TERMINATED_POLICY = Policy(timeout=3.0, patience=0.0)
# Workers and drivers that do not answer a new master in time (s) are forgotten, always the old master's own worker.
WEAK_PROPERTIES = {"spark.deploy.recoveryTimeout": "30"}


def run(context: Context) -> int:
    """Run until idle (0), terminated, or until Spark's master fails, which Batch answers with a retry."""
    earlier = read_earlier(context)
    if final_exit_code(earlier):
        log(f"an earlier try failed for good, another one cannot help: {earlier.reason}")
        return final_exit_code(earlier)
    with report_failure(context, earlier):
        check_host_network(context.host)
        return _run(context, earlier.attempt + 1)


def _run(context: Context, attempt: int) -> int:
    env = home.prepare(context.workdir, context.directory, context.host, context.env)
    roles = {RUN_ON_MASTER} | ({RUN_ON_WORKER} if context.cluster.worker_on_master else set())
    run_scripts(context.cluster.scripts, roles, context.workdir, context.directory, env, context.run_plain)
    env = load(env)
    with contextlib.closing(_Master(context, env, attempt)) as master:
        return master.serve()


@dataclass(frozen=True)
class _Ports:
    """The ports that Spark's master is to take; 0 for any.

    :param web_is_option: the user gave the port of the web page as a Java option, which is stronger than a property
    """

    port: int
    web_port: int
    web_is_option: bool

    @staticmethod
    def wanted(env: Dict[str, str], values: Dict[str, str]) -> _Ports:
        """Return the ports that the user wants, or else Spark's usual ones."""
        options = java_properties(" ".join(env.get(name, "") for name in OPTIONS))
        given = options.get(WEB_PROPERTY), values.get(WEB_PROPERTY), env.get("SPARK_MASTER_WEBUI_PORT")
        port = wanted_port(PORT, env.get("SPARK_MASTER_PORT"))
        return _Ports(port, wanted_port(WEB_PORT, *given), WEB_PROPERTY in options)


class _Master:
    """Spark's master and its worker, from start to end."""

    def __init__(self, context: Context, env: Dict[str, str], attempt: int) -> None:
        self._context = context
        self._env = env
        self._attempt = attempt
        self._directory = os.path.join(context.directory, "spark", "recovery")
        self._mirror = RecoveryMirror(context.blobs, self._directory)
        defaults = home.read_defaults(env["SPARK_CONF_DIR"])
        values = home.daemon_properties(defaults, spark_secret(context.blobs))
        recovery = {
            "spark.deploy.recoveryMode": "FILESYSTEM",
            "spark.deploy.recoveryDirectory": self._directory,
            "spark.port.maxRetries": "0",
        }
        self._values = {**WEAK_PROPERTIES, **values, **recovery}
        self._child: Optional[Child] = None
        self._worker: Optional[WorkerProcess] = None
        if context.cluster.worker_on_master:
            self._worker = WorkerProcess(context, env, values, beside_master=True)
        self._own_failure: Optional[WorkerStatus] = None
        self._had_workers = False  # under an earlier master: then the cluster goes on with those that there are
        self._monitor: Optional[MasterMonitor] = None

    def serve(self) -> int:
        """Start, publish where the master is once it is ready, and stay."""
        # The predecessor must not count as ready.
        self._context.blobs.put(ClusterBlobs.MASTER, b"")
        self._context.blobs.put(ClusterBlobs.MASTER_LOG, b"")
        restored = self._mirror.restore()
        self._had_workers = restored > 0
        log(f"attempt {self._attempt}; {restored} records restored from an earlier master")
        where, view = self._start()
        context = self._context
        self._monitor = monitor = MasterMonitor(context.blobs, context.cluster, self._attempt, context.timings)
        monitor.observe(view)
        monitor.write_status(ClusterState.ALIVE)
        workers = WorkerMonitor(context.blobs, context.cluster, where, context.timings)
        self._check_workers(workers, monitor)
        log(f"ready at {where.url} with {view.live_workers} workers")
        try:
            return self._stay(where, monitor, workers)
        except TerminatedError:
            with contextlib.suppress(BlobError, TerminatedError):
                blobs = context.blobs.with_policy(TERMINATED_POLICY)
                monitor.write_status(ClusterState.ENDED, "the task was terminated", blobs)
            raise

    def close(self) -> None:
        """End both processes."""
        if self._worker is not None:
            self._worker.stop()
        if self._child is not None:
            self._child.stop(STOP_GRACE)

    def _start(self) -> Tuple[Master, MasterView]:
        """Start Spark's master until it is ready: on its usual ports, then on free ones, at last without records."""
        ports = _Ports.wanted(self._env, self._values)
        patience = READY_PATIENCE * 2  # in all, for masters that neither serve nor end
        for number in range(STARTS):
            if number == STARTS - 1:
                log("starting without the records of the earlier master, which may be the cause of the failure")
                self._mirror.clear_directory()
            began = time.monotonic()
            where = self._start_once(ports)
            view = self._wait_until_ready(where, min(patience, READY_PATIENCE))
            if view is not None:
                return where, view
            patience -= time.monotonic() - began
            self.close()  # the worker, too: the next master may have another port
            ports = _Ports(0, 0, ports.web_is_option)
            if patience < READY_TICK:
                break
        raise StartFailedError(f"Spark's master could not be started in {number + 1} tries; its log is above")

    def _start_once(self, ports: _Ports) -> Master:
        """Start Spark's master on free ports, the given ones if possible, and return where it will be."""
        context = self._context
        port, web_port = (machine.free_port(context.host, wanted) for wanted in (ports.port, ports.web_port))
        # A property is stronger than the command line.
        values = {**self._values, WEB_PROPERTY: str(web_port)}
        path = context.private.write("master.properties", properties.dump(values))
        args: List[str] = ["--host", context.host, "--port", str(port), "--webui-port", str(web_port)]
        command = home.daemon_command(self._env, "Master", [*args, "--properties-file", path])
        env = dict(self._env)
        if ports.web_is_option:
            env["SPARK_MASTER_OPTS"] = f"{env.get('SPARK_MASTER_OPTS', '')} -D{WEB_PROPERTY}={web_port}"
        self._child = Child(command, env, context.directory, context.private.directory)
        return Master(_utc_now(), self._attempt, context.node_id, context.host, port, web_port)

    def _wait_until_ready(self, where: Master, patience: float) -> Optional[MasterView]:
        """Wait until the master serves, has read its records, and has its own worker; None if it ends or is too slow.

        It answers before it has read the records of an earlier one, and may fail on those.
        """
        assert self._child is not None
        deadline = time.monotonic() + patience
        while self._child.poll() is None and time.monotonic() < deadline:
            view = read_master(where.host, where.web_port) if machine.answers(where.host, where.port) else None
            if view is not None:
                self._keep_worker_running(where)
                if view.alive and self._has_own_worker(view):
                    return view
                self._mirror.sync()
            self._context.signals.pause(READY_TICK)
        return None

    def _has_own_worker(self, view: MasterView) -> bool:
        return self._worker is None or view.has_worker(self._context.host, self._worker.port)

    def _check_processes(self, where: Master) -> None:
        assert self._child is not None
        code = self._child.poll()
        if code is not None:
            raise NoMasterError(f"Spark's master ended with exit code {code}")
        self._keep_worker_running(where)

    def _keep_worker_running(self, where: Master) -> None:
        """Keep the worker beside the master running; give it up where the cluster can do without it."""
        if self._worker is None:
            return
        try:
            self._worker.keep_running(where)
        except WorkerFailedError as error:
            cluster, context = self._context.cluster, self._context
            needed = 1 if self._monitor or self._had_workers else cluster.min_workers or cluster.target_workers
            if cluster.target_workers - 1 < needed:
                raise
            log(f"going on without the worker beside the master: {error}")
            self._own_failure = WorkerStatus(
                context.task_id,
                context.node_id,
                context.host,
                WorkerState.FAILED,
                message=error.summary,
                last_lines=error.lines,
            )
            self._worker = None

    def _check_workers(self, workers: WorkerMonitor, monitor: MasterMonitor) -> None:
        if self._own_failure is not None:
            workers.own_failed(self._own_failure)
            self._own_failure = None
        workers.step(monitor.live_workers)

    def _stay(self, where: Master, monitor: MasterMonitor, workers: WorkerMonitor) -> int:
        while True:
            self._context.signals.pause(TICK)
            self._check_processes(where)
            try:
                self._mirror.sync()
                reason = monitor.step(where)
                if reason:
                    log(f"ending the cluster: {reason}")
                    return 0
                self._check_workers(workers, monitor)
            except BlobError as error:
                log(f"storage fails, the cluster goes on: {error}")


def _utc_now() -> str:
    """Return the time in ISO 8601."""
    whole, part = divmod(time.time(), 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int(part * 1000):03d}Z"
