"""A worker's task: Spark's worker on a node of its own, which outlives its master if a successor adopts it."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Callable, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.context import Context, read_master_blob, spark_secret, wait_for_master
from airflow_provider_aztk.node.errors import BlobError, NodeError, TerminatedError
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.monitoring.worker_status import PATIENCE, WorkerRecord
from airflow_provider_aztk.node.spark import custom_scripts, env_file, home, web
from airflow_provider_aztk.node.spark.worker_process import WorkerProcess
from airflow_provider_aztk.node.timings import hasty

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract.documents import Master

__all__ = ["Adoption", "run"]

TICK = 0.5
LOOK_INTERVAL = 5.0
# Spark's master gives a worker 60 s to answer its "I am the master now".
ADOPTION_PATIENCE = 75.0


class Adoption:
    """Decide whether a worker still belongs to a master that is there.

    :param master: the one that the worker was started for
    """

    def __init__(self, master: Master, patience: float = ADOPTION_PATIENCE) -> None:
        self.master = master
        self._patience = patience
        self._newcomer: Optional[Master] = None
        self._since = 0.0

    def look(self, now: float, newest: Optional[Master], adopted: Callable[[Master], bool]) -> bool:
        """Take in where the master is now; tell whether the worker has to start anew for it (then :attr:`master`)."""
        if newest is None or newest == self.master:
            self._newcomer = None
            return False
        if newest != self._newcomer:
            self._newcomer, self._since = newest, now
            say(f"there is a new master at {newest.url}")
        if adopted(newest):
            say("the new master has adopted this worker")
            self.master = newest
            return False
        if now - self._since < self._patience:
            return False
        say(f"the new master did not adopt this worker within {self._patience:.0f} s: it starts anew")
        self.master = newest
        return True


def run(context: Context) -> int:
    """Run until terminated, or until it fails, which it then says in the container."""
    record = WorkerRecord(context)
    if record.final_exit_code:
        say(f"an earlier try failed for good, another one cannot help: {record.message}")
        return record.final_exit_code
    try:
        return _run(context, record)
    except TerminatedError:
        raise
    except Exception as error:
        record.failed(error, _secret_or_nothing(context))
        raise


def _run(context: Context, record: WorkerRecord) -> int:
    env = home.prepare(context.workdir, context.host, context.env)
    custom_scripts.run_scripts(
        context.cluster.scripts, {contract.RUN_ON_WORKER}, context.workdir, env, context.run_plain
    )
    env = env_file.load(env)
    secret = spark_secret(context.blobs)
    values = home.daemon_properties(home.read_defaults(env["SPARK_CONF_DIR"]), context.cluster, secret, {})
    worker = WorkerProcess(context, env, values, beside_master=False)
    master = wait_for_master(context, patience=math.inf)
    worker.start(master)
    try:
        record.running()
        _stay(context, worker, Adoption(master, hasty(ADOPTION_PATIENCE)))
    finally:
        worker.stop()
    return 0


def _stay(context: Context, worker: WorkerProcess, adoption: Adoption) -> None:
    looked = time.monotonic()
    while True:
        context.signals.pause(TICK)
        worker.keep(adoption.master)
        now = time.monotonic()
        if now - looked < hasty(LOOK_INTERVAL):
            continue
        looked = now
        with contextlib.suppress(BlobError):
            newest = read_master_blob(context.blobs)
            if adoption.look(now, newest, lambda master: _is_adopted(context, worker, master)):
                worker.stop()
                worker.start(adoption.master)


def _is_adopted(context: Context, worker: WorkerProcess, master: Master) -> bool:
    view = web.read_master(master.host, master.web_port)
    return view is not None and view.has_worker(context.host, worker.port)


def _secret_or_nothing(context: Context) -> str:
    with contextlib.suppress(NodeError):
        return spark_secret(context.blobs.with_policy(PATIENCE))
    return ""
