"""The names of the blobs in a cluster's container, and what each of them is for.

The nodes' SAS has no delete permission: they write a blob empty instead, so a blob of length 0 counts as missing.
"""

from __future__ import annotations

__all__ = ["BUNDLE_NAME", "ApplicationBlobs", "ClusterBlobs"]

BUNDLE_NAME = "aztk-node.pyz"


class ClusterBlobs:
    """The blobs of the whole cluster; names in capitals that end in ``PREFIX`` are folders."""

    # Written by the client when it creates the cluster. Batch downloads node/ into the working directory of each task.
    NODE_PREFIX = "node/"
    BUNDLE = NODE_PREFIX + BUNDLE_NAME  #: the node code
    DEFINITION = "node/cluster.json"  #: :class:`~.definitions.Cluster`; no secrets
    ACCESS = "node/access.json"  #: :class:`~.definitions.Access`
    CONF_PREFIX = "node/conf/"  #: those of :data:`~.spark.SPARK_CONF_FILES` that the user gave
    SCRIPTS_PREFIX = "node/scripts/"  #: custom scripts: NN-name, or a folder NN-name/ of which one script runs in it
    SPARK_SECRET = "secrets/spark"  #: ``spark.authenticate.secret`` as text  # noqa: S105 - the name of a blob
    FILES_PREFIX = "files/"  #: uploaded files, see :meth:`file`
    # Written by the client later.
    ACTIVITY = "cluster/activity"  #: written at each submission; its age counts as activity
    # Written by the master.
    MASTER = "cluster/master.json"  #: :class:`~.reports.Master`; empty while a new master starts
    MASTER_LOG = "cluster/master.log"  #: text: why the master ended the cluster or failed; the next master empties it
    STATUS = "cluster/status.json"  #: :class:`~.reports.ClusterStatus`
    ENOUGH_WORKERS = "cluster/enough-workers"  #: ``min_workers`` were there once: a later master does not wait again
    RECOVERY_PREFIX = "cluster/recovery/"  #: a copy of the recovery directory of Spark's master
    # Written by workers and drivers.
    WORKERS_PREFIX = "cluster/workers/"  #: see :meth:`worker`
    LEASES_PREFIX = "cluster/leases/"  #: see :meth:`lease`; without any, the cluster's tasks may never have been added

    @staticmethod
    def file(sha256: str, name: str) -> str:
        """Return the name of an uploaded file, which holds the hash of its content."""
        return f"{ClusterBlobs.FILES_PREFIX}{sha256}/{name}"

    @staticmethod
    def worker(task_id: str) -> str:
        """Return the name of a worker's :class:`~.reports.WorkerStatus`."""
        return f"{ClusterBlobs.WORKERS_PREFIX}{task_id}.json"

    @staticmethod
    def lease(name: str) -> str:
        """Return the name of the :class:`~.reports.Lease` of a driver, or of the gate."""
        return f"{ClusterBlobs.LEASES_PREFIX}{name}"


class ApplicationBlobs:
    """The blobs of one application.

    :param name: the application, which is also the id of its Batch task
    """

    PREFIX = "apps/"  #: the blobs of all applications

    def __init__(self, name: str) -> None:
        # Written by the client. Batch downloads task/ into the driver's working directory.
        self.prefix = f"{self.PREFIX}{name}/"
        self.task_prefix = self.prefix + "task/"
        self.definition = self.task_prefix + "application.json"  #: :class:`~.definitions.Application`
        self.access = self.task_prefix + "access.json"  #: :class:`~.definitions.Access`, newer than the cluster's
        self.secrets = f"secrets/apps/{name}.json"  #: :class:`~.definitions.Secrets`; missing where there are none
        self.stop = self.prefix + "stop"  #: its existence asks the driver to stop
        # Written by the driver.
        self.attempt = self.prefix + "attempt"  #: :class:`~.reports.Attempt`
        self.result = self.prefix + "result.json"  #: :class:`~.reports.Result`; empty while it is tried again
        self.log_prefix = self.prefix + "log/"

    def log_segment(self, number: int) -> str:
        """Return the name of one segment of the driver's log, see :mod:`~.log_segments`."""
        return f"{self.log_prefix}{number:06d}"
