"""Ids and metadata of clusters, applications and jobs: a readable prefix, and a suffix that no other try has."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.configuration.rendering import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEPT", "MAX_ID_LENGTH", "checked_id", "default_name", "owner_metadata", "remote_id", "run_label", "slug"]

MAX_ID_LENGTH = 64  # of Batch jobs, pools and tasks
_HASH_LENGTH = 8
#: Metadata of a job that the reaper keeps when it is done (``keep_job=True``).
KEPT = {"airflow_keep": "true"}


def slug(text: str) -> str:
    """Return a text with each character that is illegal in a Batch id replaced by a hyphen."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_") or "aztk"


def default_name(task_id: str) -> str:
    """Return the default name of a cluster, application or job, from a task's id; the prefix ``aztk-`` is reserved."""
    name = slug(task_id.replace(".", "-"))
    return (f"x-{name}" if name.lower().startswith("aztk-") else name)[:MAX_ID_LENGTH]


def checked_id(value: Any, field: str) -> str:
    """Return the rendered id of an existing cluster, application or job.

    :param value: the rendered template, or another task's output.
    :param field: the operator's argument, for the error text.
    :raises ValueError: where it is not a text, or is empty.
    """
    if isinstance(value, str) and value.strip() not in ("", "None") and NOTHING not in value:
        return value
    fix = "give an id; where it comes from another task, that task gave none"
    shown = value.replace(NOTHING, "None") if isinstance(value, str) else value
    raise ValueError(f"{field}={shown!r}: {fix}")


def run_label(context: Mapping[str, Any]) -> str:
    """Return the logical date of a DAG run in a form that is legal in an id: ``20261122T153649``."""
    run = context["dag_run"]
    moment = getattr(run, "logical_date", None) or getattr(run, "run_after", None)
    return moment.strftime("%Y%m%dT%H%M%S") if isinstance(moment, datetime) else slug(str(run.run_id))[:15]


def remote_id(prefix: str | None, context: Mapping[str, Any]) -> str:
    """Return the id of the cluster, application or job that this try of a task starts.

    ``PREFIX-RUN[-mINDEX]-tTRY-HASH``: the hash covers DAG, task, run, map index, try and Airflow's own id of the try,
    so that neither another DAG nor another Airflow deployment on the same account creates the same id.

    :param prefix: the user's name for it; illegal characters stay, so that an error reports them. A long prefix is
        cut. Default: the ids of DAG and task.
    :param context: the context of the running task.
    """
    ti = context["ti"]
    identity = f"{ti.dag_id}\n{ti.task_id}\n{ti.run_id}\n{ti.map_index}\n{ti.try_number}\n{getattr(ti, 'id', '')}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:_HASH_LENGTH]
    mapped = f"-m{ti.map_index}" if ti.map_index is not None and ti.map_index >= 0 else ""
    suffix = f"-{run_label(context)}{mapped}-t{ti.try_number}-{digest}"
    head = prefix if prefix is not None else slug(f"{ti.dag_id}-{ti.task_id}")
    return head[: MAX_ID_LENGTH - len(suffix)].rstrip("-_") + suffix


def owner_metadata(context: Mapping[str, Any], deployment: str) -> dict[str, str]:
    """Return the metadata of a cluster or job on Azure Batch that names its DAG run; the reaper reads it.

    :param context: the context of the running task.
    :param deployment: the id of this Airflow deployment.
    """
    ti = context["ti"]
    owner = getattr(context.get("task"), "owner", None)
    found = {
        "airflow_deployment": deployment,
        "airflow_dag": ti.dag_id,
        "airflow_run": ti.run_id,
        "airflow_task": ti.task_id,
        "airflow_map_index": str(ti.map_index if ti.map_index is not None else -1),
        "airflow_try": str(ti.try_number),
        "airflow_owner": str(owner) if owner else "",
    }
    return {key: value for key, value in found.items() if value}
