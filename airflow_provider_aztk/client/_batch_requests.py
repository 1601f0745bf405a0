"""From configurations to the bodies of Azure Batch requests (REST names, api-version 2025-06-01). Pure functions.

How a cluster maps to Batch, and why: docs/design.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk import __version__
from airflow_provider_aztk.client import _naming
from airflow_provider_aztk.client.models import _sizes
from airflow_provider_aztk.client.models._readers import iso_duration
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_aztk.client.models import ApplicationConfiguration, ClusterConfiguration, DockerConfiguration

Json = dict[str, Any]

MASTER_RETRIES = 3
GATE_RETRIES = 3
TASKS_PER_REQUEST = 100
DEPENDENCY_CHARACTERS = 64_000
LOG_RETENTION = "P7D"
# Root inside the container: the image's own user could not write into Batch's directories.
_USER = {"autoUser": {"scope": "pool", "elevationLevel": "admin"}}
_GO_ON = {"jobAction": "none", "dependencyAction": "satisfy"}
_END_JOB = {"jobAction": "terminate", "dependencyAction": "satisfy"}


def job_body(
    conf: ClusterConfiguration,
    *,
    mode: str,
    container_url: str,
    image: _sizes.VmImage,
    docker: DockerConfiguration | None,
    definition: str,
    applications: int | None = None,
) -> Json:
    """Build the Batch job that is a cluster: an auto-pool, and the master as its job manager task.

    See learn.microsoft.com/rest/api/batchservice/jobs/create-job.

    :param applications: of an AZTK job, how many it is submitted with: fewer tasks say that it was not finished.
    """
    metadata = _naming.to_metadata(
        {
            _naming.MODE: mode,
            _naming.CLUSTER_ID: conf.cluster_id,
            _naming.DEFINITION: definition,
            _naming.VERSION: __version__,
            _naming.NODES: str(conf.nodes),
            **({_naming.APPLICATIONS: str(applications)} if applications is not None else {}),
            _naming.WORKERS: str(conf.nodes - (not conf.worker_on_master)),
            _naming.POOL_TIMEOUT: str(int(conf.pool_timeout.total_seconds())),
            **conf.metadata,
        }
    )
    slots = conf.task_slots_per_node or _sizes.default_slots(conf.vm_size)
    body: Json = {
        "id": conf.cluster_id,
        "metadata": metadata,
        "usesTaskDependencies": True,
        "onTaskFailure": "performexitoptionsjobaction",
        "jobManagerTask": _master(conf, slots, container_url),
        "poolInfo": {
            "autoPoolSpecification": {
                "autoPoolIdPrefix": _naming.pool_prefix(conf.cluster_id),
                "poolLifetimeOption": "job",
                "keepAlive": False,
                "pool": _pool(conf, slots, image, docker, metadata),
            }
        },
    }
    if conf.max_lifetime:
        body["constraints"] = {"maxWallClockTime": iso_duration(conf.max_lifetime)}
    return body


def _master(conf: ClusterConfiguration, slots: int, container_url: str) -> Json:
    return {
        "id": contract.MASTER_TASK_ID,
        "displayName": "Spark master",
        "commandLine": contract.command_line("master"),
        "containerSettings": container_settings(conf),
        "resourceFiles": [_download(container_url, contract.ClusterBlobs.NODE_PREFIX)],
        "userIdentity": _USER,
        "requiredSlots": _sizes.daemon_slots(slots),
        "runExclusive": False,
        "killJobOnCompletion": True,
        "allowLowPriorityNode": not conf.vm_count,
        "constraints": {"maxTaskRetryCount": MASTER_RETRIES},
    }


def _pool(
    conf: ClusterConfiguration,
    slots: int,
    image: _sizes.VmImage,
    docker: DockerConfiguration | None,
    metadata: list[dict[str, str]],
) -> Json:
    container: Json = {"type": "dockerCompatible", "containerImageNames": [conf.docker_repo]}
    if docker:
        registry = {"registryServer": docker.endpoint, "username": docker.username, "password": docker.password}
        container["containerRegistries"] = [registry]
    pool: Json = {
        "displayName": f"AZTK {conf.cluster_id}",
        "vmSize": conf.vm_size,
        "virtualMachineConfiguration": {
            "imageReference": {
                "publisher": image.publisher,
                "offer": image.offer,
                "sku": image.sku,
                "version": image.version,
            },
            "nodeAgentSKUId": image.node_agent,
            "osDisk": {"diskSizeGB": conf.os_disk_size_gb},
            "containerConfiguration": container,
        },
        "taskSlotsPerNode": slots,
        "taskSchedulingPolicy": {"nodeFillType": "spread"},
        "targetDedicatedNodes": conf.vm_count or 0,
        "targetLowPriorityNodes": conf.vm_low_pri_count or 0,
        # In a subnet of the user's the nodes reach each other anyway, and the flag would forbid Spot beside dedicated.
        "enableInterNodeCommunication": conf.subnet_id is None,
        "metadata": metadata,
    }
    network = _network(conf)
    if network:
        pool["networkConfiguration"] = network
    return pool


def _network(conf: ClusterConfiguration) -> Json:
    network: Json = {}
    if conf.subnet_id:
        network["subnetId"] = conf.subnet_id
    if conf.ssh_allowed_sources:
        rules = [
            {"priority": 150 + index, "access": "allow", "sourceAddressPrefix": source}
            for index, source in enumerate(conf.ssh_allowed_sources)
        ]
        rules.append({"priority": 4000, "access": "deny", "sourceAddressPrefix": "*"})
        nat = {
            "name": "ssh",
            "protocol": "tcp",
            "backendPort": 22,
            "frontendPortRangeStart": 40000,
            "frontendPortRangeEnd": 40500,
            "networkSecurityGroupRules": rules,
        }
        network["endpointConfiguration"] = {"inboundNATPools": [nat]}
    return network


def container_settings(conf: ClusterConfiguration) -> Json:
    """Build the container settings of every task of a cluster."""
    # No --gpus: Batch gives a container its node's GPUs itself, and fails tasks with options that it does not know.
    return {"imageName": conf.docker_repo, "containerRunOptions": conf.container_run_options}


def container_of(job: Mapping[str, Any]) -> Json:
    """Read the container settings of a cluster from its job, for tasks that are added later."""
    settings = job["jobManagerTask"]["containerSettings"]
    return {name: settings[name] for name in ("imageName", "containerRunOptions") if name in settings}


def _download(container_url: str, prefix: str) -> Json:
    return {"storageContainerUrl": container_url, "blobPrefix": prefix}


def _task(task_id: str, title: str, command: str, container: Json, container_url: str) -> Json:
    return {
        "id": task_id,
        "displayName": title,
        "commandLine": contract.command_line(command),
        "containerSettings": container,
        "resourceFiles": [_download(container_url, contract.ClusterBlobs.NODE_PREFIX)],
        "userIdentity": _USER,
        "requiredSlots": 1,
        "exitConditions": {"default": _GO_ON, "preProcessingError": _GO_ON, "fileUploadError": _GO_ON},
    }


def cluster_tasks(conf: ClusterConfiguration, container_url: str) -> list[Json]:
    """Build the tasks that a cluster has from the start: a worker for each further node, and the gate."""
    container = container_settings(conf)
    slots = conf.task_slots_per_node or _sizes.default_slots(conf.vm_size)
    tasks = []
    for index in range(1, conf.nodes):
        worker = _task(contract.worker_task_id(index), f"Spark worker {index}", "worker", container, container_url)
        worker["requiredSlots"] = _sizes.daemon_slots(slots)
        worker["constraints"] = {"maxTaskRetryCount": contract.WORKER_RETRIES}
        tasks.append(worker)
    gate = _task(contract.GATE_TASK_ID, "Wait for the workers", "gate", container, container_url)
    gate["constraints"] = {"maxTaskRetryCount": GATE_RETRIES}
    return [*tasks, gate]


def application_task(app: ApplicationConfiguration, container: Json, container_url: str) -> Json:
    """Build the task that is an application's driver."""
    task = _task(app.name, app.name, "driver", container, container_url)
    task["resourceFiles"].append(_download(container_url, contract.ApplicationBlobs(app.name).task_prefix))
    task["dependsOn"] = {"taskIds": [contract.GATE_TASK_ID]}
    task["constraints"] = {"maxTaskRetryCount": app.max_retry_count, "retentionTime": LOG_RETENTION}
    if app.max_wall_clock:
        task["constraints"]["maxWallClockTime"] = iso_duration(app.max_wall_clock)
    return task


def finish_tasks(names: Sequence[str], container: Json, container_url: str) -> list[Json]:
    """Build the task that ends an AZTK job when all its applications have ended, whatever became of them.

    The ids a task may depend on are limited to 64,000 characters in all; beyond that they fan in.
    """
    tasks: list[Json] = []
    ids = list(names)
    level = 0
    while len(groups := list(_by_characters(ids))) > 1:
        level += 1
        ids = []
        for index, group in enumerate(groups):
            task = _task(f"aztk-join-{level}-{index:04d}", "Wait for applications", "finish", container, container_url)
            tasks.append({**task, "dependsOn": {"taskIds": group}})
            ids.append(task["id"])
    finish = _task(contract.FINISH_TASK_ID, "End of the job", "finish", container, container_url)
    finish["dependsOn"] = {"taskIds": ids}
    # Everything has run by then, so the job ends however this task does.
    finish["exitConditions"] = {
        "exitCodes": [{"code": 0, "exitOptions": _END_JOB}],
        "default": _END_JOB,
        "preProcessingError": _END_JOB,
        "fileUploadError": _END_JOB,
    }
    return [*tasks, finish]


def _by_characters(ids: Iterable[str]) -> Iterable[list[str]]:
    group: list[str] = []
    size = 0
    for id in ids:
        if group and size + len(id) + 1 > DEPENDENCY_CHARACTERS:
            yield group
            group, size = [], 0
        group.append(id)
        size += len(id) + 1
    yield group
