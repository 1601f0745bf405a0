"""The Batch tasks of a cluster: their ids and their command lines."""

from __future__ import annotations

from airflow_provider_aztk.node.contract.blobs import ClusterBlobs

__all__ = [
    "FINISH_TASK_ID",
    "GATE_TASK_ID",
    "MASTER_TASK_ID",
    "MODE_CLUSTER",
    "MODE_JOB",
    "RESERVED_PREFIX",
    "RUN_ON_ALL",
    "RUN_ON_MASTER",
    "RUN_ON_WORKER",
    "WORKER_RETRIES",
    "WORKER_TASK_PREFIX",
    "command_line",
    "worker_task_id",
]

# What ends a cluster: "cluster" = a deletion, "job" = the end of its applications.
MODE_CLUSTER = "cluster"
MODE_JOB = "job"

# Task ids. The name of an application must not start with RESERVED_PREFIX.
RESERVED_PREFIX = "aztk-"
MASTER_TASK_ID = "aztk-master"
WORKER_TASK_PREFIX = "aztk-worker-"
GATE_TASK_ID = "aztk-gate"
FINISH_TASK_ID = "aztk-finish"

# Where a custom script runs; a driver counts as "master".
RUN_ON_ALL = "all-nodes"
RUN_ON_MASTER = "master"
RUN_ON_WORKER = "worker"

# How often Batch runs a worker's task again that ends non-zero.
WORKER_RETRIES = 3


def worker_task_id(index: int) -> str:
    """Return the task id of a worker, counted from 1."""
    return f"{WORKER_TASK_PREFIX}{index:03d}"


def command_line(command: str) -> str:
    """Return the command line of a Batch task; Batch does not run it in a shell."""
    return f"python3 {ClusterBlobs.BUNDLE} {command}"
