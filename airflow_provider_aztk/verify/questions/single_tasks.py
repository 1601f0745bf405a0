"""Questions that single tasks in the cluster's job answer."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._naming import container_name
from airflow_provider_aztk.verify.answers import Observed, Question, Stage
from airflow_provider_aztk.verify.errors import NotAskedError

if TYPE_CHECKING:
    from airflow_provider_aztk.verify.lab import Lab

__all__ = ["QUESTIONS"]

Json = dict[str, Any]

_REST = "https://learn.microsoft.com/rest/api/batchservice"
_RUNS = "$AZ_BATCH_TASK_WORKING_DIR/runs.txt"
_RETRIED = f"echo run; echo $AZ_BATCH_NODE_ID $(date +%s) >> {_RUNS}; sleep 2; exit 3"
_SAS_LIFETIME = timedelta(hours=1)


def retry(lab: Lab) -> Observed:
    """Run a task that fails twice, and compare where its runs were and what the second one found."""
    job_id = lab.the_cluster().id
    lab.add_task(job_id, lab.task("verify-retry", _RETRIED, constraints={"maxTaskRetryCount": 1}))
    begun = lab.running_task(job_id, "verify-retry")
    if (begun.get("executionInfo") or {}).get("retryCount"):
        raise NotAskedError("its first run was over before it was seen")
    ended = lab.ended_task(job_id, "verify-retry")
    runs = lab.account.task_file(job_id, "verify-retry", "wd/runs.txt").split("\n")
    times = [int(line.split()[1]) for line in runs if len(line.split()) == 2]
    value = {
        "retries": (ended.get("executionInfo") or {}).get("retryCount"),
        "node": "the same" if _node(ended) == _node(begun) else "another",
        "directory": "kept" if len(times) > 1 else "new",
        "output": "appended" if lab.account.task_file(job_id, "verify-retry", "stdout.txt").count("run") > 1 else "new",
    }
    return Observed(value, {"seconds_between_the_starts": times[1] - times[0] if len(times) > 1 else None})


def _node(task: Json) -> str | None:
    return (task.get("nodeInfo") or {}).get("nodeId")


def resource_files(lab: Lab) -> Observed:
    """Run tasks with resource files that are not there, or must not be read."""
    job_id = lab.the_cluster().id
    there, nowhere = container_name(job_id), container_name(lab.plan.id("nowhere"))
    base, _, token = lab.account.sign(there, _SAS_LIFETIME).partition("?")
    spoilt = re.sub(r"sig=[^&]+", "sig=" + "A" * 43 + "%3D", token)
    files: dict[str, Json] = {
        "missing_blob": {"httpUrl": f"{base}/verify-nothing?{token}", "filePath": "nothing"},
        "denied_blob": {"httpUrl": f"{base}/verify-nothing?{spoilt}", "filePath": "nothing"},
        "missing_container": {"storageContainerUrl": lab.account.sign(nowhere, _SAS_LIFETIME)},
    }
    ids = {name: f"verify-{name.replace('_', '-')}" for name in files}
    for name, file in files.items():
        lab.add_task(job_id, lab.task(ids[name], "true", resourceFiles=[file]))
    failures = {name: _failure(lab.ended_task(job_id, ids[name])) for name in files}
    return Observed({name: failure.get("code") for name, failure in failures.items()}, failures)


def _failure(task: Json) -> Json:
    return (task.get("executionInfo") or {}).get("failureInfo") or {}


QUESTIONS = (
    Question(
        id="retry-node",
        asks="Where does a failed task run again, and what does it find in its directory?",
        assumes="On the same node, with what the first run has left; the output is appended",
        expected={"retries": 1, "node": "the same", "directory": "kept", "output": "appended"},
        page="https://learn.microsoft.com/azure/batch/best-practices",
        stage=Stage.CLUSTER,
        ask=retry,
    ),
    Question(
        id="resource-file-errors",
        asks="Which errors do tasks get whose resource files are missing or refused?",
        assumes="BlobNotFound for 404, BlobAccessDenied for 403, ResourceContainerNotFound for 404 of a container",
        expected={
            "missing_blob": "BlobNotFound",
            "denied_blob": "BlobAccessDenied",
            "missing_container": "ResourceContainerNotFound",
        },
        page=f"{_REST}/batch-status-and-error-codes",
        stage=Stage.CLUSTER,
        ask=resource_files,
    ),
)
