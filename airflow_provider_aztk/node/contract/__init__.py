"""The protocol between the client and the code on a cluster's nodes: commands, files, blobs, exit codes. Version 1.

The node code is one zipapp, ``aztk-node.pyz``, standard library only, Python 3.8 or later. The client builds it
(:mod:`airflow_provider_aztk.node.bundle`) and uploads it to the cluster's blob container; each Batch task downloads it
as a resource file and runs one of its commands. A node knows nothing but what stands here: no Batch call is ever
made from a node, and the only credential on it is the SAS in ``access.json``.

**Commands** (working directory = the task's working directory; every command answers ``--help``)::

    python3 node/aztk-node.pyz master    the job manager task: Spark's master, and a worker beside it
    python3 node/aztk-node.pyz worker    a Spark worker; ends only when it is terminated or its custom script fails
    python3 node/aztk-node.pyz gate      ends with 0 once all workers had their chance to be placed
    python3 node/aztk-node.pyz driver    one application; its name is the id of the Batch task
    python3 node/aztk-node.pyz finish    ends with 0; its exit condition in Batch then ends an AZTK job

**Environment** read: ``AZ_BATCH_TASK_ID``, ``AZ_BATCH_NODE_ID``, ``AZ_BATCH_TASK_WORKING_DIR`` (Batch), ``SPARK_HOME``
(image), ``JAVA_HOME`` (image, optional), ``SPARK_LOCAL_IP`` (the node's own address; without it the address that
routes to the storage endpoint).

**Files** that Batch puts into the working directory before a command starts, all copies of blobs of the same name:

    node/aztk-node.pyz          this code
    node/cluster.json           :data:`CLUSTER_BLOB`, see below; no secrets
    node/access.json            :data:`ACCESS_BLOB`: {"version": 1, "container_url": URL of the container with its SAS}
    node/conf/...               spark-defaults.conf, spark-env.sh, core-site.xml, as far as the user gave them
    node/scripts/NN-name        custom scripts; for a folder all of it, node/scripts/NN-folder/..., of which one script
                                runs, in the folder
    apps/NAME/task/...          driver only: application.json and a fresher access.json, which wins over node/'s

**Blobs** of the cluster's container that are read or written at run time, over HTTPS with the SAS (it has no delete
permission, so what is gone is written empty):

    secrets/spark               the cluster's ``spark.authenticate.secret``, text
    secrets/apps/NAME.json      {"version": 1, "conf": {...}, "env": {...}}: secrets of one application; may be absent
    files/SHA256/FILENAME       uploaded files (applications, jars, py_files...), by content
    cluster/master.json         written by the master, see below: where it is, and which workers there are; says that
                                the cluster is ready unless it is of length 0 (a new master is on its way) or the
                                master still waits for "min_workers"
    cluster/master.log          written by a master that ends the cluster or fails: why, and where it failed the last
                                lines of its output; emptied by the next one
    cluster/workers/TASK.json   written by each worker's wrapper once it runs, or when its task fails:
                                {"version": 1, "task_id", "node_id", "host", "attempt": n, "message": text,
                                "state": "running"|"failing"|"failed", "exit_code": int, "last_lines": [text]}
                                "attempt" counts the tries on this node; "failed" is for good: further ones on this
                                node end at once. The last lines are those of a failing worker only; the cluster's
                                secret is never in them.
    cluster/enough-workers      written by a master whose cluster had "min_workers": its successors do not ask again
    cluster/recovery/...        Spark's recovery directory, mirrored by the master
    cluster/leases/NAME         renewed every LEASE_INTERVAL seconds by a live driver, and by the gate while it waits;
                                length 0 = given up. Without any, the cluster's tasks may never have been added
    cluster/activity            written by the client at each submission; its age counts as activity
    cluster/status.json         written by the master when it changes: {"version": 1, "attempt": n,
                                "state": "alive"|"idle-timeout"|"incomplete"|"ended", "workers": n, "cores": n,
                                "active_applications": n, "idle_seconds": n, "reason": text}; by a master that fails:
                                {"version": 1, "attempt": n, "state": "failed", "reason": text, "exit_code": int,
                                "final": bool}. After a final failure the further tries of Batch end at once.
    apps/NAME/attempt           written at the start of each attempt: {"version": 1, "attempt": n, "node_id": ID}
    apps/NAME/stop              written by the client: stop this application
    apps/NAME/log/NNNNNN        the driver's stdout and stderr together, append blobs of exactly LOG_SEGMENT_BYTES each
                                but the last; byte K of the log is byte K % LOG_SEGMENT_BYTES of segment
                                K // LOG_SEGMENT_BYTES.
                                A retried driver goes on behind the end of the earlier log, after a line that says so.
    apps/NAME/result.json       written at the end of each attempt: {"version": 1, "outcome": one of OUTCOMES,
                                "exit_code": int, "attempt": n, "message": text}

**cluster.json**::

    {"version": 1, "cluster_id": ID, "mode": "cluster"|"job", "nodes": N,
     "worker_on_master": true, "default_cores": null | int, "idle_timeout_seconds": null | int,
     "incomplete_timeout_seconds": null | int, "gate_timeout_seconds": int, "min_workers": null | int,
     "reserves": {"system_memory_mb": int, "master_memory_mb": int, "driver_memory_mb": int, "cores": int},
     "scripts": [{"name": NAME, "file": "node/scripts/NN-name", "run_on": "all-nodes"|"master"|"worker"}],
     "jars": [FILE, ...], "conf": {SPARK_PROPERTY: VALUE}}

**application.json**::

    {"version": 1, "name": NAME, "application": FILE, "main_class": null | str, "args": [str],
     "jars": [FILE], "py_files": [FILE], "files": [FILE], "archives": [ARCHIVE],
     "requirements": null | FILE, "packages": [str],
     "conf": {..}, "env": {..}, "driver_memory": null | str, "driver_cores": null | int,
     "driver_java_options", "driver_library_path", "driver_class_path": null | str,
     "executor_memory": null | str, "executor_cores": null | int, "max_cores": null | int,
     "executor_timeout_seconds": null | int}

An application has no executor for "executor_timeout_seconds", and no worker could hold one: its driver is ended.

A FILE is {"blob": "files/SHA256/FILENAME", "name": NAME} for an uploaded one, placed as NAME; or {"url": URL, "name":
NAME} for one that the node fetches and places as NAME (https: with a query, it may be signed); or {"url": URL}
for one that Spark itself fetches (https:, abfss:, wasbs:, local:...). An ARCHIVE is a FILE with "alias": the folder in
each executor's working directory in which Spark unpacks it.

**master.json**::

    {"version": 1, "started": ISO 8601 UTC, "attempt": n, "node_id": ID, "host": H, "port": P, "web_port": W,
     "url": "spark://H:P", "workers": n, "target_workers": n, "waiting_for_workers": bool,
     "failed_workers": [{"task_id", "node_id", "message", "last_lines": [text]}]}

A document whose ``version`` is not known is refused with EXIT_BAD_INPUT: client and node code travel together.
"""

from __future__ import annotations

import re
from typing import List, Mapping, NamedTuple, Optional

PROTOCOL_VERSION = 1

BUNDLE_NAME = "aztk-node.pyz"

# What ends a cluster: "cluster" = somebody deletes it, "job" = the end of its applications.
MODE_CLUSTER = "cluster"
MODE_JOB = "job"

# Task ids. An application must not start with RESERVED_PREFIX.
RESERVED_PREFIX = "aztk-"
MASTER_TASK_ID = "aztk-master"
WORKER_TASK_PREFIX = "aztk-worker-"
GATE_TASK_ID = "aztk-gate"
FINISH_TASK_ID = "aztk-finish"

# Blobs, relative to the container.
NODE_PREFIX = "node/"
BUNDLE_BLOB = NODE_PREFIX + BUNDLE_NAME
CLUSTER_BLOB = "node/cluster.json"
ACCESS_BLOB = "node/access.json"
CONF_PREFIX = "node/conf/"
SCRIPTS_PREFIX = "node/scripts/"
SPARK_SECRET_BLOB = "secrets/spark"  # noqa: S105 - the name of a blob
MASTER_BLOB = "cluster/master.json"
MASTER_LOG_BLOB = "cluster/master.log"
ENOUGH_WORKERS_BLOB = "cluster/enough-workers"
STATUS_BLOB = "cluster/status.json"
WORKERS_PREFIX = "cluster/workers/"
RECOVERY_PREFIX = "cluster/recovery/"
LEASES_PREFIX = "cluster/leases/"
ACTIVITY_BLOB = "cluster/activity"
FILES_PREFIX = "files/"

SPARK_CONF_FILES = ("spark-defaults.conf", "spark-env.sh", "core-site.xml")

_MEMORY = re.compile(r"\s*(\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_UNITS = {"": 0, "b": 0, "k": 10, "kb": 10, "m": 20, "mb": 20, "g": 30, "gb": 30, "t": 40, "tb": 40, "p": 50, "pb": 50}
_ADDRESS = "leave it out: each node uses its own address"
# What a spark-env.sh must not set, with what to do instead.
SPARK_ENV_REFUSED: Mapping[str, str] = {
    "SPARK_MASTER_HOST": "leave it out: Azure Batch chooses the master's node; spark_master_url tells where it is",
    "SPARK_MASTER_IP": "leave it out: Azure Batch chooses the master's node; spark_master_url tells where it is",
    "SPARK_LOCAL_IP": _ADDRESS,
    "SPARK_LOCAL_HOSTNAME": _ADDRESS,
    "SPARK_CONF_DIR": "leave it out: give the files as spark_defaults_conf, spark_env_sh and core_site_xml",
    "SPARK_HOME": "leave it out: set it in the image that docker_repo names",
}
_PORT_VARIABLES = ("SPARK_MASTER_PORT", "SPARK_MASTER_WEBUI_PORT", "SPARK_WORKER_PORT", "SPARK_WORKER_WEBUI_PORT")

RUN_ON_ALL = "all-nodes"
RUN_ON_MASTER = "master"
RUN_ON_WORKER = "worker"

# A worker offers so much at least, however little memory its node has.
SMALLEST_WORKER_MB = 512

# How often Batch runs a worker's task again that ends non-zero.
WORKER_RETRIES = 3

LOG_SEGMENT_BYTES = 256 * 1024 * 1024
LEASE_INTERVAL = 20.0  # seconds between two renewals
LEASE_LIFETIME = 90.0  # seconds after which a lease that was not renewed is void

# Exit codes of the wrapper itself. Any other code is the user's program's own; one of these in a program becomes 1.
EXIT_STOPPED = 220  # stopped on request (apps/NAME/stop)
EXIT_MASTER_LOST = 221  # the new master does not know this driver's application: run it again
EXIT_SCRIPT_FAILED = 222  # a custom script or the installation of requirements failed
EXIT_BAD_INPUT = 223  # a document is missing, broken or of another version; an image without Spark, or with old Python
EXIT_NO_MASTER = 224  # no master could be found or started
EXIT_WORKER_FAILED = 225  # Spark's worker ended again and again
EXIT_TOO_FEW_WORKERS = 226  # fewer workers came, or can come, than the cluster needs
EXIT_NO_EXECUTOR = 227  # no worker of the cluster can hold one of the application's executors
WRAPPER_EXIT_CODES = {
    EXIT_STOPPED: "stopped on request",
    EXIT_MASTER_LOST: "the Spark master was lost and its successor does not know the application",
    EXIT_SCRIPT_FAILED: "a custom script or the installation of the requirements failed",
    EXIT_BAD_INPUT: (
        "the node cannot use what it was given: an image (docker_repo) needs Python 3.8 or later, and Spark at "
        "SPARK_HOME; or a document or file is missing, broken or of another version"
    ),
    EXIT_NO_MASTER: "no Spark master could be found or started",
    EXIT_WORKER_FAILED: "the Spark worker ended again and again",
    EXIT_TOO_FEW_WORKERS: "the cluster has too few workers",
    EXIT_NO_EXECUTOR: "no worker of the cluster can hold an executor of the application",
}

OUTCOMES = ("success", "failed", "stopped", "lost")


# The options of application.json that are Spark properties under another name.
OPTION_PROPERTIES = {
    "driver_memory": "spark.driver.memory",
    "driver_cores": "spark.driver.cores",
    "driver_java_options": "spark.driver.extraJavaOptions",
    "driver_library_path": "spark.driver.extraLibraryPath",
    "driver_class_path": "spark.driver.extraClassPath",
    "executor_memory": "spark.executor.memory",
    "executor_cores": "spark.executor.cores",
    "max_cores": "spark.cores.max",
}
# Closed by default, whatever the user's configuration says.
CLOSED = {
    "spark.authenticate": "true",
    "spark.master.rest.enabled": "false",
    "spark.ui.killEnabled": "false",
}


def file_blob(sha256: str, name: str) -> str:
    """Name the blob of an uploaded file by its content."""
    return f"{FILES_PREFIX}{sha256}/{name}"


def app_prefix(name: str) -> str:
    """Name the folder of what belongs to one application."""
    return f"apps/{name}/"


def app_task_prefix(name: str) -> str:
    """Name the folder that Batch downloads to the node before the driver starts."""
    return f"apps/{name}/task/"


def app_definition_blob(name: str) -> str:
    """Name the blob of an application's definition."""
    return f"apps/{name}/task/application.json"


def app_access_blob(name: str) -> str:
    """Name the blob of an application's own, fresher SAS."""
    return f"apps/{name}/task/access.json"


def app_secrets_blob(name: str) -> str:
    """Name the blob of an application's secrets."""
    return f"secrets/apps/{name}.json"


def app_stop_blob(name: str) -> str:
    """Name the marker that asks an application to stop."""
    return f"apps/{name}/stop"


def app_attempt_blob(name: str) -> str:
    """Name the blob that counts an application's attempts."""
    return f"apps/{name}/attempt"


def app_result_blob(name: str) -> str:
    """Name the blob of an application's outcome."""
    return f"apps/{name}/result.json"


def log_segment_blob(name: str, segment: int) -> str:
    """Name one segment of a driver's log."""
    return f"apps/{name}/log/{segment:06d}"


def lease_blob(name: str) -> str:
    """Name the lease of a live driver."""
    return f"{LEASES_PREFIX}{name}"


def worker_blob(task_id: str) -> str:
    """Name the blob in which a worker says where it is."""
    return f"{WORKERS_PREFIX}{task_id}.json"


def worker_task_id(index: int) -> str:
    """Name the task of a worker, counted from 1."""
    return f"{WORKER_TASK_PREFIX}{index:03d}"


def command_line(command: str) -> str:
    """Give the command line of a Batch task; Batch does not run it under a shell."""
    return f"python3 {BUNDLE_BLOB} {command}"


class EnvFault(NamedTuple):
    """A variable whose value cannot be used."""

    name: str
    value: str
    fix: str


def spark_env_faults(values: Mapping[str, str]) -> List[EnvFault]:
    """Find the variables of a spark-env.sh that cannot be used, with what to do instead."""
    found = [EnvFault(name, values[name], fix) for name, fix in SPARK_ENV_REFUSED.items() if values.get(name)]
    cores = values.get("SPARK_WORKER_CORES")
    if cores and not is_number(cores, 1):
        found.append(EnvFault("SPARK_WORKER_CORES", cores, "give a whole number of at least 1"))
    memory = values.get("SPARK_WORKER_MEMORY")
    if memory and not memory_mb(memory):
        fix = "give an amount such as 600m or 4g; without a unit it means bytes"
        found.append(EnvFault("SPARK_WORKER_MEMORY", memory, fix))
    for name in _PORT_VARIABLES:
        if values.get(name) and not is_number(values[name], 0, 65535):
            found.append(EnvFault(name, values[name], "give a port"))
    if values.get("SPARK_WORKER_INSTANCES") not in (None, "", "1"):
        fix = "leave it out: a node has one worker; give executor_cores, and it holds several executors"
        found.append(EnvFault("SPARK_WORKER_INSTANCES", values["SPARK_WORKER_INSTANCES"], fix))
    return found


def memory_mb(text: str) -> int:
    """Read an amount of memory as Spark does, in MiB; 0 where it is none, or less than one."""
    match = _MEMORY.fullmatch(text)
    shift = _UNITS.get(match.group(2).lower()) if match else None
    return int(match.group(1)) << shift >> 20 if match and shift is not None else 0


def is_number(text: str, least: int, most: Optional[int] = None) -> bool:
    """Return whether a text is a whole number within limits."""
    return text.isascii() and text.isdigit() and int(text) >= least and (most is None or int(text) <= most)
