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

# ruff: noqa: F403 - each module's __all__ is public here, too
from airflow_provider_aztk.node.contract.blobs import *
from airflow_provider_aztk.node.contract.definitions import *
from airflow_provider_aztk.node.contract.exit_codes import *
from airflow_provider_aztk.node.contract.json_object import *
from airflow_provider_aztk.node.contract.log_segments import *
from airflow_provider_aztk.node.contract.reports import *
from airflow_provider_aztk.node.contract.spark import *
from airflow_provider_aztk.node.contract.tasks import *
