"""What a record says in Batch's codes and in metadata, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["ending", "owner"]

_ENDINGS = {
    "AllTasksCompleted": "all of its tasks have ended",
    "AllTasksComplete": "all of its tasks have ended",
    "JMComplete": "its job manager task has ended (of a cluster: Spark's master)",
    "MaxWallClockTimeExpiry": "its maximum wall-clock time was over",
    "TaskFailed": "one of its tasks has failed",
    "UserTerminate": "somebody terminated it",
}
_OWNER = (("airflow_dag", "DAG"), ("airflow_run", "run"), ("airflow_task", "task"), ("airflow_map_index", "map index"))


def ending(job: Json) -> str:
    """Return why a job has ended; empty while it goes on."""
    info = job.get("executionInfo") or {}
    if error := info.get("schedulingError"):
        return f"its pool could not be made: {error.get('message') or error.get('code')}"
    reason = str(info.get("terminateReason") or "")
    return f"{_ENDINGS[reason]} ({reason})" if reason in _ENDINGS else reason


def owner(record: Json) -> str:
    """Return which task of Airflow has made a job or pool; empty where its metadata tells nothing."""
    metadata = {entry["name"]: entry["value"] for entry in record.get("metadata") or []}
    if metadata.get("airflow_shared") == "true":
        return "shared by runs of Airflow"
    found = [f"{word} {metadata[name]}" for name, word in _OWNER if metadata.get(name) not in (None, "", "-1")]
    return ", ".join(found)
