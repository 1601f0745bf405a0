"""A worker's task: Spark's worker on a node of its own, which outlives its master if a new master adopts it."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

from airflow_provider_aztk.node.context import read_master_blob, spark_secret, wait_for_master
from airflow_provider_aztk.node.contract import RUN_ON_WORKER
from airflow_provider_aztk.node.errors import BlobError, NodeError, TerminatedError
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.monitoring.failure_report import REPORT_POLICY
from airflow_provider_aztk.node.monitoring.worker_status import OwnStatus
from airflow_provider_aztk.node.spark import env_file, home
from airflow_provider_aztk.node.spark.custom_scripts import run_scripts
from airflow_provider_aztk.node.spark.failover import WorkerFailover
from airflow_provider_aztk.node.spark.web import read_master
from airflow_provider_aztk.node.spark.worker_process import WorkerProcess

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context
    from airflow_provider_aztk.node.contract import Master

__all__ = ["run"]

TICK = 0.5


def run(context: Context) -> int:
    """Run until terminated, or until the worker fails; then its status in the container holds the reason."""
    status = OwnStatus(context)
    if status.final_exit_code:
        log(f"an earlier try failed for good, another one cannot help: {status.message}")
        return status.final_exit_code
    try:
        return _run(context, status)
    except TerminatedError:
        raise
    except Exception as error:
        status.failed(error, _secret_or_nothing(context))
        raise


def _run(context: Context, status: OwnStatus) -> int:
    env = home.prepare(context.workdir, context.directory, context.host, context.env)
    scripts, roles = context.cluster.scripts, {RUN_ON_WORKER}
    run_scripts(scripts, roles, context.workdir, context.directory, env, context.run_plain)
    env = env_file.load(env)
    secret = spark_secret(context.blobs)
    values = home.daemon_properties(home.read_defaults(env["SPARK_CONF_DIR"]), secret)
    worker = WorkerProcess(context, env, values, beside_master=False)
    master = wait_for_master(context, patience=math.inf)
    worker.start(master)
    try:
        status.running()
        _stay(context, worker, WorkerFailover(master, context.timings.adoption))
    finally:
        worker.stop()
    return 0


def _stay(context: Context, worker: WorkerProcess, failover: WorkerFailover) -> None:
    checked = time.monotonic()
    while True:
        context.signals.pause(TICK)
        worker.keep_running(failover.master)
        now = time.monotonic()
        if now - checked < context.timings.master_check:
            continue
        checked = now
        with contextlib.suppress(BlobError):
            newest = read_master_blob(context.blobs)
            if failover.must_restart(now, newest, lambda master: _is_adopted(context, worker, master)):
                worker.stop()
                worker.start(failover.master)


def _is_adopted(context: Context, worker: WorkerProcess, master: Master) -> bool:
    view = read_master(master.host, master.web_port)
    return view is not None and view.has_worker(context.host, worker.port)


def _secret_or_nothing(context: Context) -> str:
    with contextlib.suppress(NodeError):
        return spark_secret(context.blobs.with_policy(REPORT_POLICY))
    return ""
