"""The errors of the node code, each with the exit code of the task.

::

    NodeError                   root; carries exit_code
     ├── BadInputError          a document is missing, broken or of another version; SPARK_HOME without Spark
     ├── ScriptFailedError      a custom script or the installation of the requirements failed
     ├── NoMasterError          no Spark master could be found or started
     │    └── StartFailedError it did not start in several tries, and will not in more of them
     ├── WorkerFailedError      Spark's worker ended again and again; carries its last lines
     ├── NoHostNetworkError    the container is in docker's own network
     ├── NoAddressError        the node did not find its own address
     ├── TooFewWorkersError     fewer workers came, or can come, than the cluster needs
     ├── StoppedError           the application was asked to stop
     └── BlobError              storage refused, or did not answer; carries status and code
          └── BlobPositionError an append blob ends at another position than its writer expects

    TerminatedError             SIGTERM or SIGINT was received; no failure
"""

from __future__ import annotations

from typing import List, Sequence

from airflow_provider_aztk.node.contract import exit_codes

__all__ = [
    "BadInputError",
    "BlobError",
    "BlobPositionError",
    "NoAddressError",
    "NoHostNetworkError",
    "NoMasterError",
    "NodeError",
    "ScriptFailedError",
    "StartFailedError",
    "StoppedError",
    "TerminatedError",
    "TooFewWorkersError",
    "WorkerFailedError",
]


class NodeError(Exception):
    """End the task with ``exit_code``, its message being the reason."""

    exit_code = 1


class BadInputError(NodeError):
    """Report a document or an image that cannot be used."""

    exit_code = exit_codes.EXIT_BAD_INPUT


class ScriptFailedError(NodeError):
    """Report a custom script, or an installation of requirements, that failed."""

    exit_code = exit_codes.EXIT_SCRIPT_FAILED


class NoMasterError(NodeError):
    """Report that no master could be found or started."""

    exit_code = exit_codes.EXIT_NO_MASTER


class StartFailedError(NoMasterError):
    """Report that Spark's master did not start, however often it was tried."""


class WorkerFailedError(NodeError):
    """Report a worker of Spark's that ended again and again.

    :param lines: the last lines of its output
    """

    exit_code = exit_codes.EXIT_WORKER_FAILED

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        shown = "".join(f"\n    {line}" for line in lines)
        super().__init__(message + (f"; its last lines:{shown}" if shown else ""))
        self.summary = message
        self.lines: List[str] = list(lines)


class NoHostNetworkError(NodeError):
    """Report a container in docker's own network, which other nodes cannot reach."""

    exit_code = exit_codes.EXIT_NO_HOST_NETWORK


class NoAddressError(NodeError):
    """Report that the node did not find its own address."""

    exit_code = exit_codes.EXIT_NO_ADDRESS


class TooFewWorkersError(NodeError):
    """Report a cluster that has not, or cannot have, the workers that it needs."""

    exit_code = exit_codes.EXIT_TOO_FEW_WORKERS


class StoppedError(NodeError):
    """Report that the application was asked to stop."""

    exit_code = exit_codes.EXIT_STOPPED


class BlobError(NodeError):
    """Report what storage answered; its text never holds a URL, since a URL holds the SAS.

    :param status: HTTP status, 0 if there was no answer at all
    :param code: Azure's error code, empty if unknown
    """

    exit_code = exit_codes.EXIT_BAD_INPUT

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class BlobPositionError(BlobError):
    """Report that an append blob does not end where the writer left it: there is another writer."""


class TerminatedError(Exception):
    """Report that a signal asked this process to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"ended by signal {signum}")
        self.exit_code = 128 + signum
