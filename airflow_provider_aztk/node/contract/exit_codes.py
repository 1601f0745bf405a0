"""The exit codes of the node code itself. Any other code is that of the user's program; one of these becomes 1."""

from __future__ import annotations

__all__ = [
    "EXIT_BAD_INPUT",
    "EXIT_MASTER_LOST",
    "EXIT_NO_ADDRESS",
    "EXIT_NO_EXECUTOR",
    "EXIT_NO_HOST_NETWORK",
    "EXIT_NO_MASTER",
    "EXIT_SCRIPT_FAILED",
    "EXIT_STOPPED",
    "EXIT_TOO_FEW_WORKERS",
    "EXIT_WORKER_FAILED",
    "WRAPPER_EXIT_CODES",
]

EXIT_STOPPED = 220
EXIT_MASTER_LOST = 221  # Batch runs the application again
EXIT_SCRIPT_FAILED = 222
EXIT_BAD_INPUT = 223
EXIT_NO_MASTER = 224
EXIT_WORKER_FAILED = 225
EXIT_TOO_FEW_WORKERS = 226
EXIT_NO_EXECUTOR = 227
EXIT_NO_HOST_NETWORK = 228
EXIT_NO_ADDRESS = 229
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
    EXIT_NO_HOST_NETWORK: (
        "host networking was not applied to the container, so that other nodes cannot reach it: see "
        "container_run_options"
    ),
    EXIT_NO_ADDRESS: "the node found no way to the storage account, and so not its own address",
}
