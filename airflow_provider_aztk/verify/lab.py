"""What a run has at hand while it asks: the accounts, what was made so far, and ways to run a single task and wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from airflow_provider_aztk import __version__
from airflow_provider_aztk.client import models
from airflow_provider_aztk.client._naming import CLUSTER_ID, to_metadata
from airflow_provider_aztk.client.models._readers import iso_duration
from airflow_provider_aztk.verify.account import Account
from airflow_provider_aztk.verify.errors import NotAskedError
from airflow_provider_aztk.verify.plan import Plan

__all__ = ["DELETION", "METADATA", "Lab"]

Json = dict[str, Any]
T = TypeVar("T")

#: On jobs and pools, beside their ids: the run that made them.
METADATA = "verify_run"
#: Deletions take minutes on Azure: they have so many times the patience of the plan.
DELETION = 4
#: How many times the patience of the plan a new node may take.
_FOR_NODES = 4
_SHORTEST_LIFE = timedelta(seconds=5)
_USER = {"autoUser": {"scope": "pool", "elevationLevel": "admin"}}
_GO_ON = {"jobAction": "none", "dependencyAction": "satisfy"}


@dataclass
class Lab:
    """A run, as its steps and questions see it.

    :param account: both accounts.
    :param plan: what may be made.
    :param say: prints a line.
    :param ids: of the jobs that the run has begun to make.
    :param cluster: the cluster, once it is ready.
    :param cluster_job: the Batch job of the cluster, as Azure has it.
    :param why_not: for each thing that could not be made, why.
    :param images: what the account lists.
    :param results: what steps have seen, for questions that come later.
    :param run_options_refused: whether single tasks must do without the run options of the product's containers.
    """

    account: Account
    plan: Plan
    say: Callable[[str], None]
    ids: list[str] = field(default_factory=list)
    cluster: models.Cluster | None = None
    cluster_job: Json | None = None
    why_not: dict[str, str] = field(default_factory=dict)
    images: list[Json] = field(default_factory=list)
    results: dict[str, Json] = field(default_factory=dict)
    run_options_refused: bool = False
    begun: float = field(default_factory=time.monotonic)

    # -- time

    def left(self) -> float:
        """Return the seconds that the run may still take."""
        return self.plan.limit.total_seconds() - (time.monotonic() - self.begun)

    def lifetime(self) -> timedelta:
        """Return how long a job that is made now may live: Azure ends it with the run, whatever becomes of us."""
        return max(timedelta(seconds=int(self.left())), _SHORTEST_LIFE)

    def wait_for(self, poll: Callable[[], T | None], patience: float | None = None) -> T | None:
        """Poll until there is a result; None where there was none in time.

        :param patience: in seconds; default that of the plan.
        """
        limit = self.plan.patience.total_seconds() if patience is None else patience
        end = time.monotonic() + min(limit, max(self.left(), 0))
        pause = min(0.25, self.plan.poll_interval)
        while (found := poll()) is None:
            if time.monotonic() >= end:
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, self.plan.poll_interval)
        return found

    def time_for_nodes(self) -> float:
        """Return the seconds in which a new node must have run its first task: it is allocated, and pulls an image."""
        return max(min(self.left(), _FOR_NODES * self.plan.patience.total_seconds()), 1.0)

    def waits(self) -> dict[str, float]:
        """Return the arguments of the client's waits."""
        return {"timeout": max(self.left(), 1.0), "poll_interval": self.plan.poll_interval}

    # -- what is made

    def new_id(self, part: str) -> str:
        """Return the id of something that is about to be made, and note it."""
        id = self.plan.id(part)
        self.ids.append(id)
        return id

    def shape(self) -> Json:
        """Return the fields that all clusters and jobs of a run share."""
        chosen: Json = {"vm_size": self.plan.vm_size, "docker_repo": self.plan.image}
        given = {name: value for name, value in chosen.items() if value}
        return {**given, "max_lifetime": self.lifetime(), "metadata": {METADATA: self.plan.run}}

    def plain_job(self, id: str, pool: Json) -> Json:
        """Return the body of a Batch job with an auto-pool, of which the service applies each exit condition.

        :param pool: the pool; what of it marks the run is added.
        """
        metadata = to_metadata({CLUSTER_ID: id, METADATA: self.plan.run, "aztk_version": __version__})
        return {
            "id": id,
            "metadata": metadata,
            "usesTaskDependencies": True,
            "onTaskFailure": "performexitoptionsjobaction",
            "constraints": {"maxWallClockTime": iso_duration(self.lifetime())},
            "poolInfo": {
                "autoPoolSpecification": {
                    "autoPoolIdPrefix": "aztk-verify-",
                    "poolLifetimeOption": "job",
                    "keepAlive": False,
                    "pool": {**pool, "metadata": metadata},
                }
            },
        }

    def pool_of_cluster(self, *, nodes: int) -> Json:
        """Return a pool like that of the product's own clusters, of another size.

        :raises NotAskedError: there is no cluster to copy.
        """
        body = ((self.the_job().get("poolInfo") or {}).get("autoPoolSpecification") or {}).get("pool") or {}
        kept = {
            name: body[name] for name in ("vmSize", "virtualMachineConfiguration", "taskSlotsPerNode") if name in body
        }
        machine = kept.get("virtualMachineConfiguration") or {}
        containers = machine.get("containerConfiguration") or {}
        docker = self.account.secrets.docker
        if docker and "containerRegistries" in containers:  # the service never gives the password back
            registry = {"registryServer": docker.endpoint, "username": docker.username, "password": docker.password}
            containers["containerRegistries"] = [registry]
        return {**kept, "targetDedicatedNodes": nodes, "targetLowPriorityNodes": 0}

    def the_cluster(self) -> models.Cluster:
        """Return the cluster.

        :raises NotAskedError: it did not become ready.
        """
        if self.cluster is None:
            raise NotAskedError(f"there was no cluster: {self.why_not.get('cluster', 'the run was ended before')}")
        return self.cluster

    def the_job(self) -> Json:
        """Return the Batch job of the cluster, as Azure has it, whether its cluster became ready or not.

        :raises NotAskedError: it was not made.
        """
        if self.cluster_job is None:
            raise NotAskedError(f"there was no cluster: {self.why_not.get('cluster', 'the run was ended before')}")
        return self.cluster_job

    def container_settings(self) -> Json:
        """Return the container settings of the product's own tasks."""
        settings: Json = self.the_job()["jobManagerTask"]["containerSettings"]
        names = ("imageName",) if self.run_options_refused else ("imageName", "containerRunOptions")
        return {name: settings[name] for name in names if name in settings}

    # -- single tasks

    def task(self, id: str, command: str, **more: Any) -> Json:
        """Return the body of a task that runs a command of the shell in the image of the cluster.

        Whatever becomes of it, its job goes on.
        """
        return {
            "id": id,
            "commandLine": f'/bin/bash -c "{command}"',
            "containerSettings": self.container_settings(),
            "userIdentity": _USER,
            "requiredSlots": 1,
            "exitConditions": {"default": _GO_ON, "preProcessingError": _GO_ON, "fileUploadError": _GO_ON},
            **more,
        }

    def add_task(self, job_id: str, task: Json) -> None:
        """Add a task to a job.

        :raises NotAskedError: it was refused.
        """
        reply = self.account.send("POST", f"/jobs/{job_id}/tasks", task)
        if reply.status >= 400:
            raise NotAskedError(f"task {task['id']} was refused: {reply.status} {reply.code}")

    def ended_task(self, job_id: str, task_id: str, patience: float | None = None) -> Json:
        """Wait until a task has ended, and return it.

        :raises NotAskedError: it did not end in time.
        """
        task = self.wait_for(lambda: self.task_if(job_id, task_id, "completed"), patience)
        if task is None:
            raise NotAskedError(f"task {task_id} did not end in time")
        return task

    def running_task(self, job_id: str, task_id: str) -> Json:
        """Wait until a task runs, and return it.

        :raises NotAskedError: it did not begin in time.
        """
        task = self.wait_for(lambda: self.task_if(job_id, task_id, "running", "completed"))
        if task is None or task["state"] != "running":
            raise NotAskedError(f"task {task_id} did not begin in time")
        return task

    def task_if(self, job_id: str, task_id: str, *states: str) -> Json | None:
        """Return a task that is in one of these states; else None."""
        task = self.account.get(f"/jobs/{job_id}/tasks/{task_id}")
        return task if task is not None and task.get("state") in states else None
