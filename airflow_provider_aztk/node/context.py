"""Open what every command works with: node, cluster definition, blobs, signals, private files."""

from __future__ import annotations

import contextlib
import math
import os
import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Mapping, Optional

from airflow_provider_aztk.node.attempt_directory import make_attempt_directory
from airflow_provider_aztk.node.contract import Access, Cluster, ClusterBlobs, Master
from airflow_provider_aztk.node.errors import BadInputError, BlobError, NoMasterError
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.machine import own_address
from airflow_provider_aztk.node.process.child import Child, running
from airflow_provider_aztk.node.process.private_files import PrivateFiles
from airflow_provider_aztk.node.process.signals import Signals
from airflow_provider_aztk.node.spark.web import read_master
from airflow_provider_aztk.node.storage.blobs import Blobs
from airflow_provider_aztk.node.storage.documents import read_blob, read_file
from airflow_provider_aztk.node.storage.http_blobs import HttpBlobs
from airflow_provider_aztk.node.timings import Timings

__all__ = ["Context", "open_context", "read_master_blob", "spark_secret", "wait_for_master"]

RUN_TICK = 0.05
WAIT_FIRST = 0.5
WAIT_LONGEST = 2.0
WAIT_LOG_INTERVAL = 60.0


@dataclass(frozen=True)
class Context:
    """What a command works with.

    :param workdir: the task's working directory, in which Batch puts its files; an earlier attempt may have used it
    :param directory: the directory of this attempt, for all that it writes
    """

    task_id: str
    node_id: str
    workdir: str
    directory: str
    private: PrivateFiles
    host: str
    env: Dict[str, str]
    cluster: Cluster
    blobs: Blobs
    signals: Signals
    timings: Timings

    def path(self, name: str) -> str:
        """Return the path of a file that Batch put into the working directory."""
        return os.path.join(self.workdir, *name.split("/"))

    def run_plain(self, command: List[str], env: Mapping[str, str]) -> int:
        """Run a command that shares this task's output, and return its exit code."""
        child = Child(command, env, self.directory, self.private.directory)
        with running(child):
            while child.poll() is None:
                self.signals.pause(RUN_TICK)
        return child.stop()


@contextlib.contextmanager
def open_context(
    env: Mapping[str, str],
    signals: Signals,
    timings: Timings,
    access_names: Callable[[str], List[str]] = lambda task: [],
) -> Iterator[Context]:
    """Open the context of a command, and remove the private files at the end.

    :param access_names: by task id: the documents to take the SAS from, best first; the cluster's own comes last
    :raises BadInputError: this is no task of Azure Batch, or a document cannot be used
    """
    workdir = os.path.abspath(env.get("AZ_BATCH_TASK_WORKING_DIR") or os.getcwd())
    task_id = env.get("AZ_BATCH_TASK_ID") or ""
    if not task_id:
        raise BadInputError("AZ_BATCH_TASK_ID is not set: this code runs as a task of Azure Batch")
    cluster = read_file(os.path.join(workdir, ClusterBlobs.DEFINITION), Cluster)
    blobs = HttpBlobs(_container_url(workdir, [*access_names(task_id), ClusterBlobs.ACCESS]), sleep=signals.pause)
    private = PrivateFiles(os.path.dirname(workdir))
    try:
        yield Context(
            task_id=task_id,
            node_id=env.get("AZ_BATCH_NODE_ID") or "",
            workdir=workdir,
            directory=make_attempt_directory(workdir),
            private=private,
            host=own_address(env, blobs.host, blobs.port, signals.pause),
            env=dict(env),
            cluster=cluster,
            blobs=blobs,
            signals=signals,
            timings=timings,
        )
    finally:
        private.close()


def read_master_blob(blobs: Blobs) -> Optional[Master]:
    """Return where the master is; None while none is ready."""
    return read_blob(blobs, ClusterBlobs.MASTER, Master)


def wait_for_master(context: Context, patience: float, tick: Callable[[], object] = lambda: None) -> Master:
    """Wait until a master is ready, and return where it is. It has to answer: a lost master leaves its blob behind.

    :param patience: seconds to wait at most
    :param tick: called in each round; may raise to end the wait
    :raises NoMasterError: none was ready in time
    """
    started = time.monotonic()
    logged = -math.inf
    pause = WAIT_FIRST
    missing = "storage does not answer"
    while True:
        tick()
        with contextlib.suppress(BlobError):
            master = read_master_blob(context.blobs)
            if master is not None and read_master(master.host, master.web_port) is not None:
                return master
            missing = f"{master.url} does not answer" if master else f"blob {ClusterBlobs.MASTER} is not there yet"
        waited = time.monotonic() - started
        if waited >= patience:
            raise NoMasterError(f"no Spark master was ready within {patience:.0f} s: {missing}")
        if waited - logged >= WAIT_LOG_INTERVAL:
            log(f"waiting for the master: {missing} ({waited:.0f} s)")
            logged = waited
        context.signals.pause(pause)
        pause = min(pause * 1.2, WAIT_LONGEST)


def spark_secret(blobs: Blobs) -> str:
    """Return the secret that all of the cluster's Spark processes share."""
    data = blobs.get(ClusterBlobs.SPARK_SECRET)
    if not data:
        raise BadInputError(f"blob {ClusterBlobs.SPARK_SECRET} is missing or empty")
    return data.decode().strip()


def _container_url(workdir: str, names: List[str]) -> str:
    paths = [os.path.join(workdir, *name.split("/")) for name in names]
    path = next((path for path in paths if os.path.exists(path)), paths[-1])
    url = read_file(path, Access).container_url
    if not url.startswith(("https://", "http://")):
        raise BadInputError(f"{path} has no container_url")
    return url
