"""Questions about the product's own cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.node.contract import MASTER_TASK_ID
from airflow_provider_aztk.node.contract.exit_codes import EXIT_NO_HOST_NETWORK
from airflow_provider_aztk.verify.answers import Observed, Question, Stage
from airflow_provider_aztk.verify.errors import NotAskedError

if TYPE_CHECKING:
    from airflow_provider_aztk.verify.lab import Lab

__all__ = ["QUESTIONS"]

Json = dict[str, Any]

_REST = "https://learn.microsoft.com/rest/api/batchservice"
_GUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$")
#: Free space that Spark should find for its shuffles.
_ENOUGH_GB = 10
_DISKS = "for place in /tmp $AZ_BATCH_NODE_ROOT_DIR; do echo $place $(df -P -B1 $place | tail -n 1); done"


def network_options(lab: Lab) -> Observed:
    """Look whether the service took the run options of the product's containers, and which address they have."""
    job = lab.the_job()
    options = job["jobManagerTask"]["containerSettings"].get("containerRunOptions")
    master = lab.account.get(f"/jobs/{job['id']}/tasks/{MASTER_TASK_ID}") or {}
    info = master.get("executionInfo") or {}
    failure = (info.get("failureInfo") or {}).get("code")
    if lab.cluster is None:
        detail = {"options": options, "failure": info}
        if failure == "ContainerInvalidSettings":
            lab.run_options_refused = True
            return Observed({"taken": False}, detail)
        if info.get("exitCode") == EXIT_NO_HOST_NETWORK:
            return Observed({"taken": True, "address": "one of docker's own network"}, detail)
        raise NotAskedError(f"the master did not come so far: {lab.why_not.get('cluster', 'no node came')}")
    host = str(lab.cluster.spark_ui_url or "").partition("://")[2].rpartition(":")[0]
    addresses = {str(node.get("ipAddress")) for node in _nodes(lab)}
    where = "the node's" if host in addresses else f"another one: {host}"
    return Observed({"taken": True, "address": where}, {"options": options})


def _nodes(lab: Lab) -> list[Json]:
    return lab.account.list(f"/pools/{lab.the_cluster().pool_id}/nodes")


def free_disk(lab: Lab) -> Observed:
    """Read the free space of a node from within a container."""
    job_id = lab.the_cluster().id
    lab.add_task(job_id, lab.task("verify-disk", _DISKS))
    lab.ended_task(job_id, "verify-disk")
    found: dict[str, Json] = {}
    for line in lab.account.task_file(job_id, "verify-disk", "stdout.txt").splitlines():
        parts = line.split()
        if len(parts) >= 6 and parts[2].isdigit() and parts[4].isdigit():
            is_tmp = parts[0] == "/tmp"
            found["/tmp" if is_tmp else "the Batch root"] = {
                "size_gb": round(int(parts[2]) / 1e9, 1),
                "free_gb": round(int(parts[4]) / 1e9, 1),
                "device": parts[1],
            }
    if "the Batch root" not in found:
        raise NotAskedError("the task said nothing that reads as the output of df")
    free = found["the Batch root"]["free_gb"]
    return Observed(
        {"at_least_10_gb": float(free) >= _ENOUGH_GB}, {"disks": found, "vm_size": lab.the_cluster().vm_size}
    )


def auto_pool_id(lab: Lab) -> Observed:
    """Look at what stands between the prefix of an auto-pool and its GUID."""
    job = lab.the_job()
    prefix = job["poolInfo"]["autoPoolSpecification"].get("autoPoolIdPrefix") or ""
    pool_id = str((job.get("executionInfo") or {}).get("poolId") or "")
    if not pool_id:
        raise NotAskedError("the job has no pool")
    guid = _GUID.search(pool_id)
    between = pool_id[len(prefix) : guid.start()] if guid and pool_id.startswith(prefix) else None
    return Observed({"prefix_and_guid": between is not None, "between": between}, {"pool": pool_id})


def remote_login(lab: Lab) -> Observed:
    """Ask for the login settings of a node whose pool has no NAT rule for port 22."""
    pool_id, nodes = lab.the_cluster().pool_id, _nodes(lab)
    if not nodes:
        raise NotAskedError("the pool has no node any more")
    reply = lab.account.send("GET", f"/pools/{pool_id}/nodes/{nodes[0]['id']}/remoteloginsettings")
    if reply.status >= 400:
        return Observed(reply.outcome(), reply.detail())
    same = reply.body.get("remoteLoginIPAddress") == nodes[0].get("ipAddress")
    return Observed(
        {
            "status": reply.status,
            "address": "the node's" if same else "another",
            "port": reply.body.get("remoteLoginPort"),
        },
        reply.body,
    )


def container_refusal(lab: Lab) -> Observed:
    """Add a task without container settings to a pool of containers."""
    job_id = lab.the_cluster().id
    task = lab.task("verify-bare", "true")
    del task["containerSettings"]
    reply = lab.account.send("POST", f"/jobs/{job_id}/tasks", task)
    return Observed(reply.outcome(), reply.detail())


QUESTIONS = (
    Question(
        id="network-host",
        asks="Are the run options of the product's containers taken, and have the containers the node's address?",
        assumes="They are, and the master is at the node's own address",
        expected={"taken": True, "address": "the node's"},
        page="https://learn.microsoft.com/azure/batch/batch-docker-container-workloads",
        stage=Stage.CLUSTER,
        ask=network_options,
    ),
    Question(
        id="free-disk",
        asks="How much space is free on a new node for Spark's shuffles?",
        assumes=f"At least {_ENOUGH_GB} GB below the root of Batch",
        expected={"at_least_10_gb": True},
        page="https://learn.microsoft.com/azure/batch/files-and-directories",
        stage=Stage.CLUSTER,
        ask=free_disk,
    ),
    Question(
        id="auto-pool-id",
        asks="What is the id of an auto-pool?",
        assumes="The prefix and a GUID, without a separator",
        expected={"prefix_and_guid": True, "between": ""},
        page=f"{_REST}/jobs/create-job",
        stage=Stage.CLUSTER,
        ask=auto_pool_id,
    ),
    Question(
        id="remote-login",
        asks="What are the remote login settings of a node without a NAT rule for port 22?",
        assumes="The node's own address, and port 22",
        expected={"status": 200, "address": "the node's", "port": 22},
        page=f"{_REST}/nodes/get-node-remote-login-settings",
        stage=Stage.CLUSTER,
        ask=remote_login,
    ),
    Question(
        id="container-refusal",
        asks="What is the answer to a task without container settings on a pool of containers?",
        assumes="400 InvalidPropertyValue",
        expected={"status": 400, "code": "InvalidPropertyValue"},
        page=f"{_REST}/tasks/create-task",
        stage=Stage.CLUSTER,
        ask=container_refusal,
    ),
)
