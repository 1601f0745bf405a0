"""The job manager task: Spark's master with a worker beside it, its readiness, its recovery, its end when idle."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Dict, Optional, Tuple

from airflow_provider_aztk.node import contract, machine
from airflow_provider_aztk.node.context import Context, spark_secret
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.contract.documents import Master
from airflow_provider_aztk.node.errors import (
    BlobError,
    NoMasterError,
    StartFailedError,
    TerminatedError,
    WorkerFailedError,
)
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.monitoring.failure_report import EarlierMaster, last_words, read_earlier
from airflow_provider_aztk.node.monitoring.master_monitor import MasterWatch
from airflow_provider_aztk.node.monitoring.worker_monitor import WorkerWatch
from airflow_provider_aztk.node.monitoring.worker_status import FAILED, WorkerNote
from airflow_provider_aztk.node.process.child import Child
from airflow_provider_aztk.node.spark import custom_scripts, env_file, home, properties, web
from airflow_provider_aztk.node.spark.worker_process import WorkerProcess
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.recovery import RecoveryMirror

if TYPE_CHECKING:
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
STATUS_PATIENCE = Policy(timeout=3.0, patience=0.0)  # when terminated
# Who does not answer a new master within this time (s) is forgotten; the worker that died with the old one always is.
WEAK_PROPERTIES = {"spark.deploy.recoveryTimeout": "30"}


def run(context: Context) -> int:
    """Run until idle (0), terminated, or until Spark's master fails, which Batch answers with a retry."""
    earlier = read_earlier(context)
    if earlier.exit_code:
        say(f"an earlier try failed for good, another one cannot help: {earlier.reason}")
        return earlier.exit_code
    with last_words(context, earlier):
        return _run(context, earlier)


def _run(context: Context, earlier: EarlierMaster) -> int:
    env = home.prepare(context.workdir, context.host, context.env)
    roles = {contract.RUN_ON_MASTER} | ({contract.RUN_ON_WORKER} if context.cluster.worker_on_master else set())
    custom_scripts.run_scripts(context.cluster.scripts, roles, context.workdir, env, context.run_plain)
    env = env_file.load(env)
    with contextlib.closing(_Master(context, env)) as master:
        return master.serve(earlier.attempt + 1)


class _Master:
    """Spark's master and its worker, from start to end."""

    def __init__(self, context: Context, env: Dict[str, str]) -> None:
        self._context = context
        self._env = env
        self._directory = os.path.join(context.workdir, "spark", "recovery")
        self._mirror = RecoveryMirror(context.blobs, self._directory)
        defaults = home.read_defaults(env["SPARK_CONF_DIR"])
        secret = spark_secret(context.blobs)
        self._worker_values = home.daemon_properties(defaults, context.cluster, secret, {})
        extra = {
            "spark.deploy.recoveryMode": "FILESYSTEM",
            "spark.deploy.recoveryDirectory": self._directory,
            "spark.port.maxRetries": "0",
        }
        self._values = {**WEAK_PROPERTIES, **self._worker_values, **extra}
        self._child: Optional[Child] = None
        self._worker: Optional[WorkerProcess] = None
        if context.cluster.worker_on_master:
            self._worker = WorkerProcess(context, env, self._worker_values, beside_master=True)
        self._own_failure: Optional[WorkerNote] = None
        self._had_workers = False  # under an earlier master: then the cluster goes on with those that there are
        self._watch: Optional[MasterWatch] = None

    def serve(self, attempt: int) -> int:
        """Start, say so once ready, and stay."""
        # Nobody may take the predecessor for ready; what is gone is written empty.
        self._context.blobs.put(contract.MASTER_BLOB, b"")
        self._context.blobs.put(contract.MASTER_LOG_BLOB, b"")
        restored = self._mirror.restore()
        self._had_workers = restored > 0
        say(f"attempt {attempt}; {restored} records restored from an earlier master")
        where, view = self._start(attempt)
        self._watch = MasterWatch(self._context.blobs, self._context.cluster, attempt)
        self._watch.observe(view)
        self._watch.write_status("alive")
        workers = WorkerWatch(self._context.blobs, self._context.cluster, where)
        self._watch_workers(workers, self._watch)
        say(f"ready at {where.url} with {view.live_workers} workers")
        try:
            return self._stay(where, self._watch, workers)
        except TerminatedError:
            self._say_ended(self._watch)
            raise

    def close(self) -> None:
        """End both processes."""
        if self._worker is not None:
            self._worker.stop()
        if self._child is not None:
            self._child.stop(STOP_GRACE)

    def _start(self, attempt: int) -> Tuple[Master, MasterView]:
        """Start Spark's master until it is ready: on its usual ports, then on free ones, at last without the past."""
        port = env_file.wanted_port(PORT, self._env.get("SPARK_MASTER_PORT"))
        options = env_file.java_properties(" ".join(self._env.get(name, "") for name in OPTIONS))
        web_port = env_file.wanted_port(
            WEB_PORT,
            options.get(WEB_PROPERTY),
            self._values.get(WEB_PROPERTY),
            self._env.get("SPARK_MASTER_WEBUI_PORT"),
        )
        patience = READY_PATIENCE * 2  # in all, for masters that neither serve nor end
        for number in range(STARTS):
            if number == STARTS - 1:
                say("starting without the records of the earlier master, which may be what it fails on")
                self._mirror.clear_directory()
            host = self._context.host
            port, web_port = machine.free_port(host, port), machine.free_port(host, web_port)
            where = Master(documents.utc_now(), attempt, self._context.node_id, host, port, web_port)
            args = ["--host", host, "--port", str(port), "--webui-port", str(web_port)]
            # A property wins over the command line.
            values = {**self._values, WEB_PROPERTY: str(web_port)}
            args += ["--properties-file", self._context.private.write("master.properties", properties.dump(values))]
            command = home.daemon_command(self._env, "Master", args)
            env = dict(self._env)
            if WEB_PROPERTY in options:  # Java options win over properties
                env["SPARK_MASTER_OPTS"] = f"{env.get('SPARK_MASTER_OPTS', '')} -D{WEB_PROPERTY}={web_port}"
            self._child = Child(command, env, self._context.workdir, self._context.private.directory)
            began = time.monotonic()
            view = self._wait_until_ready(where, min(patience, READY_PATIENCE))
            if view is not None:
                return where, view
            patience -= time.monotonic() - began
            self.close()  # the worker, too: the next master may have another port
            port = web_port = 0
            if patience < READY_TICK:
                break
        raise StartFailedError(f"Spark's master could not be started in {number + 1} tries; its log is above")

    def _wait_until_ready(self, where: Master, patience: float) -> Optional[MasterView]:
        """Wait until the master serves, knows its past, and has its own worker; None where it ends or takes too long.

        It answers before it has read what an earlier one left, and may fail on that.
        """
        assert self._child is not None
        deadline = time.monotonic() + patience
        while self._child.poll() is None and time.monotonic() < deadline:
            view = web.read_master(where.host, where.web_port) if machine.answers(where.host, where.port) else None
            if view is not None:
                self._keep_worker(where)
                if view.alive and self._own_worker_in(view):
                    return view
                self._mirror.sync()
            self._context.signals.pause(READY_TICK)
        return None

    def _own_worker_in(self, view: MasterView) -> bool:
        return self._worker is None or view.has_worker(self._context.host, self._worker.port)

    def _keep_children(self, where: Master) -> None:
        assert self._child is not None
        code = self._child.poll()
        if code is not None:
            raise NoMasterError(f"Spark's master ended with exit code {code}")
        self._keep_worker(where)

    def _keep_worker(self, where: Master) -> None:
        """Keep the worker beside the master going; give it up where the cluster may do without it."""
        if self._worker is None:
            return
        try:
            self._worker.keep(where)
        except WorkerFailedError as error:
            cluster, context = self._context.cluster, self._context
            needed = 1 if self._watch or self._had_workers else cluster.min_workers or cluster.target_workers
            if cluster.target_workers - 1 < needed:
                raise
            say(f"going on without the worker beside the master: {error}")
            self._own_failure = WorkerNote(
                context.task_id, context.node_id, context.host, FAILED, message=error.summary, last_lines=error.lines
            )
            self._worker = None

    def _watch_workers(self, workers: WorkerWatch, watch: MasterWatch) -> None:
        if self._own_failure is not None:
            workers.own_failed(self._own_failure)
            self._own_failure = None
        workers.step(watch.live_workers)

    def _stay(self, where: Master, watch: MasterWatch, workers: WorkerWatch) -> int:
        while True:
            self._context.signals.pause(TICK)
            self._keep_children(where)
            try:
                self._mirror.sync()
                reason = watch.step(where)
                if reason:
                    say(f"ending the cluster: {reason}")
                    return 0
                self._watch_workers(workers, watch)
            except BlobError as error:
                say(f"storage is in trouble, the cluster goes on: {error}")

    def _say_ended(self, watch: MasterWatch) -> None:
        with contextlib.suppress(BlobError, TerminatedError):
            watch.write_status("ended", "the task was terminated", self._context.blobs.with_policy(STATUS_PATIENCE))
