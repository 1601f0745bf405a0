"""The protocol between the client and the code on a cluster's nodes.

The node code is one zipapp, standard library only, Python 3.8 or later. The client builds it
(:mod:`airflow_provider_aztk.node.bundle`) and uploads it into the cluster's blob container, with ``cluster.json`` and
the user's files. Each Batch task downloads ``node/`` as resource files and runs one command (:mod:`.tasks`):
``master``, the job manager task, runs Spark's master and a worker beside it; ``worker`` runs a further worker; ``gate``
ends once all workers had their chance to be placed; ``driver`` runs one application, whose ``application.json`` Batch
downloads as well; ``finish`` ends at once, which ends an AZTK job.

A node makes no request to Batch. Its only credential is the SAS in ``access.json``. All sides meet in the container:
the master writes ``cluster/master.json`` (where it is, which workers there are) and ``cluster/status.json``; workers
and drivers read where it is, and write their own states; the client reads all of that. :mod:`.blobs` names each blob;
:mod:`.definitions` (the client's) and :mod:`.reports` (the nodes') have the shape of each document,
:mod:`.log_segments` that of a driver's log; :mod:`.exit_codes` has the meaning of a task's exit code, :mod:`.spark`
what both ends know of Spark's configuration.

The environment that is read: ``AZ_BATCH_TASK_ID``, ``AZ_BATCH_NODE_ID``, ``AZ_BATCH_TASK_WORKING_DIR`` (Batch);
``SPARK_HOME``, ``JAVA_HOME`` (image); ``SPARK_LOCAL_IP`` (the node's address; default: the one that routes to storage).
"""

from __future__ import annotations

from airflow_provider_aztk.node.contract.blobs import BUNDLE_NAME, ApplicationBlobs, ClusterBlobs
from airflow_provider_aztk.node.contract.definitions import (
    OPTION_PROPERTIES,
    SMALLEST_WORKER_MB,
    Access,
    Application,
    Cluster,
    FileRef,
    Reserves,
    Script,
    Secrets,
)
from airflow_provider_aztk.node.contract.exit_codes import (
    EXIT_BAD_INPUT,
    EXIT_MASTER_LOST,
    EXIT_NO_EXECUTOR,
    EXIT_NO_MASTER,
    EXIT_SCRIPT_FAILED,
    EXIT_STOPPED,
    EXIT_TOO_FEW_WORKERS,
    EXIT_WORKER_FAILED,
    WRAPPER_EXIT_CODES,
)
from airflow_provider_aztk.node.contract.json_object import (
    PROTOCOL_VERSION,
    Document,
    InvalidDocumentError,
    JsonObject,
)
from airflow_provider_aztk.node.contract.log_segments import LOG_SEGMENT_BYTES
from airflow_provider_aztk.node.contract.old_names import *  # noqa: F403
from airflow_provider_aztk.node.contract.reports import (
    LEASE_INTERVAL,
    LEASE_LIFETIME,
    Attempt,
    ClusterState,
    ClusterStatus,
    FailedWorker,
    Lease,
    Master,
    Outcome,
    Result,
    WorkerState,
    WorkerStatus,
)
from airflow_provider_aztk.node.contract.spark import (
    CLOSED,
    SPARK_CONF_FILES,
    SPARK_ENV_REFUSED,
    EnvError,
    is_number,
    memory_mb,
    spark_env_errors,
)
from airflow_provider_aztk.node.contract.tasks import (
    FINISH_TASK_ID,
    GATE_TASK_ID,
    MASTER_TASK_ID,
    MODE_CLUSTER,
    MODE_JOB,
    RESERVED_PREFIX,
    RUN_ON_ALL,
    RUN_ON_MASTER,
    RUN_ON_WORKER,
    WORKER_RETRIES,
    WORKER_TASK_PREFIX,
    command_line,
    worker_task_id,
)

__all__ = [
    "BUNDLE_NAME",
    "CLOSED",
    "EXIT_BAD_INPUT",
    "EXIT_MASTER_LOST",
    "EXIT_NO_EXECUTOR",
    "EXIT_NO_MASTER",
    "EXIT_SCRIPT_FAILED",
    "EXIT_STOPPED",
    "EXIT_TOO_FEW_WORKERS",
    "EXIT_WORKER_FAILED",
    "FINISH_TASK_ID",
    "GATE_TASK_ID",
    "LEASE_INTERVAL",
    "LEASE_LIFETIME",
    "LOG_SEGMENT_BYTES",
    "MASTER_TASK_ID",
    "MODE_CLUSTER",
    "MODE_JOB",
    "OPTION_PROPERTIES",
    "PROTOCOL_VERSION",
    "RESERVED_PREFIX",
    "RUN_ON_ALL",
    "RUN_ON_MASTER",
    "RUN_ON_WORKER",
    "SMALLEST_WORKER_MB",
    "SPARK_CONF_FILES",
    "SPARK_ENV_REFUSED",
    "WORKER_RETRIES",
    "WORKER_TASK_PREFIX",
    "WRAPPER_EXIT_CODES",
    "Access",
    "Application",
    "ApplicationBlobs",
    "Attempt",
    "Cluster",
    "ClusterBlobs",
    "ClusterState",
    "ClusterStatus",
    "Document",
    "EnvError",
    "FailedWorker",
    "FileRef",
    "InvalidDocumentError",
    "JsonObject",
    "Lease",
    "Master",
    "Outcome",
    "Reserves",
    "Result",
    "Script",
    "Secrets",
    "WorkerState",
    "WorkerStatus",
    "command_line",
    "is_number",
    "memory_mb",
    "spark_env_errors",
    "worker_task_id",
]
