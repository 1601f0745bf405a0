"""Gather what every command starts from: node, cluster definition, blobs, signals, private files."""

from __future__ import annotations

import contextlib
import math
import os
import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Mapping, Optional, TypeVar

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.contract.documents import Cluster, Master
from airflow_provider_aztk.node.errors import BadInputError, BlobError, NoMasterError
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.machine import own_address
from airflow_provider_aztk.node.process.child import Child, Signals, running
from airflow_provider_aztk.node.process.private_files import PrivateFiles
from airflow_provider_aztk.node.spark import web
from airflow_provider_aztk.node.storage.blobs import Blobs, HttpBlobs

__all__ = ["Context", "open_context", "read_document", "read_master_blob", "spark_secret", "wait_for_master"]

Model = TypeVar("Model")

RUN_TICK = 0.05
WAIT_FIRST = 0.5
WAIT_LONGEST = 2.0
WAIT_SAY = 60.0


@dataclass(frozen=True)
class Context:
    """What a command works with."""

    task_id: str
    node_id: str
    workdir: str
    private: PrivateFiles
    host: str
    env: Dict[str, str]
    cluster: Cluster
    blobs: Blobs
    signals: Signals

    def path(self, name: str) -> str:
        """Give the path of a file that Batch put into the working directory."""
        return os.path.join(self.workdir, *name.split("/"))

    def run_plain(self, command: List[str], env: Mapping[str, str]) -> int:
        """Run a command whose output goes where ours goes, and give its exit code."""
        child = Child(command, env, self.workdir, self.private.directory)
        with running(child):
            while child.poll() is None:
                self.signals.pause(RUN_TICK)
        return child.stop()


def read_document(path: str, model: Callable[[Dict[str, object]], Model]) -> Model:
    """Read a document from a file into its model."""
    return build(documents.read_file(path), model, path)


def build(value: Dict[str, object], model: Callable[[Dict[str, object]], Model], what: str) -> Model:
    """Make a model; what is missing or of a wrong type is bad input."""
    try:
        return model(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"{what} is not as the protocol says: {type(error).__name__}: {error}") from None


@contextlib.contextmanager
def open_context(
    env: Mapping[str, str], signals: Signals, access_names: Callable[[str], List[str]] = lambda task: []
) -> Iterator[Context]:
    """Set up what a command starts from, and take the private files away at the end.

    :param access_names: documents to take the SAS from, best first, by task id; the cluster's own comes last
    """
    workdir = os.path.abspath(env.get("AZ_BATCH_TASK_WORKING_DIR") or os.getcwd())
    task_id = env.get("AZ_BATCH_TASK_ID") or ""
    if not task_id:
        raise BadInputError("AZ_BATCH_TASK_ID is not set: this code runs as a task of Azure Batch")
    cluster = read_document(os.path.join(workdir, contract.CLUSTER_BLOB), Cluster.from_json)
    blobs = HttpBlobs(_container_url(workdir, [*access_names(task_id), contract.ACCESS_BLOB]), sleep=signals.pause)
    private = PrivateFiles(os.path.dirname(workdir))
    try:
        yield Context(
            task_id=task_id,
            node_id=env.get("AZ_BATCH_NODE_ID") or "",
            workdir=workdir,
            private=private,
            host=own_address(env, blobs.host, blobs.port),
            env=dict(env),
            cluster=cluster,
            blobs=blobs,
            signals=signals,
        )
    finally:
        private.close()


def read_master_blob(blobs: Blobs) -> Optional[Master]:
    """Read where the master is; None while there is none that is ready."""
    data = blobs.get(contract.MASTER_BLOB)
    if not data:
        return None
    return build(documents.parse(data, contract.MASTER_BLOB), Master.from_json, contract.MASTER_BLOB)


def wait_for_master(context: Context, patience: float, tick: Callable[[], object] = lambda: None) -> Master:
    """Wait until a master is ready. What a lost master left behind is no master: it has to answer.

    :param patience: seconds to wait at most
    :param tick: called at every look; may raise to end the wait
    :raises NoMasterError: none came
    """
    started = time.monotonic()
    spoken = -math.inf
    pause = WAIT_FIRST
    missing = "storage does not answer"
    while True:
        tick()
        with contextlib.suppress(BlobError):
            master = read_master_blob(context.blobs)
            if master is not None and web.read_master(master.host, master.web_port) is not None:
                return master
            missing = f"{master.url} does not answer" if master else f"blob {contract.MASTER_BLOB} is not there yet"
        waited = time.monotonic() - started
        if waited >= patience:
            raise NoMasterError(f"no Spark master was ready within {patience:.0f} s: {missing}")
        if waited - spoken >= WAIT_SAY:
            say(f"waiting for the master: {missing} ({waited:.0f} s)")
            spoken = waited
        context.signals.pause(pause)
        pause = min(pause * 1.2, WAIT_LONGEST)


def spark_secret(blobs: Blobs) -> str:
    """Read the secret that all of the cluster's Spark processes share."""
    data = blobs.get(contract.SPARK_SECRET_BLOB)
    if not data:
        raise BadInputError(f"blob {contract.SPARK_SECRET_BLOB} is missing or empty")
    return data.decode().strip()


def _container_url(workdir: str, names: List[str]) -> str:
    paths = [os.path.join(workdir, *name.split("/")) for name in names]
    path = next((path for path in paths if os.path.exists(path)), paths[-1])
    url = documents.read_file(path).get("container_url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise BadInputError(f"{path} has no container_url")
    return url
