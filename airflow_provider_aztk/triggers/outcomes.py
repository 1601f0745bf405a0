"""What became of applications, as plain JSON for events and XCom, and of workers, in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aztk.client import models

__all__ = ["application_summary", "failures_text", "is_success", "result_line", "workers_text"]


def application_summary(name: str, application: models.Application | None) -> dict[str, Any]:
    """Sum an application up.

    :param name: its name.
    :param application: as it is on Azure Batch, or None where it was never scheduled.
    """
    if application is None:
        return {"name": name, "state": None, "outcome": None, "exit_code": None, "failure": None}
    return {
        "name": name,
        "state": str(application.state),
        "outcome": str(application.outcome) if application.outcome else None,
        "exit_code": application.exit_code,
        "failure": str(application.failure) if application.failure else None,
        "start_time": application.start_time.isoformat() if application.start_time else None,
        "end_time": application.end_time.isoformat() if application.end_time else None,
    }


def is_success(summary: dict[str, Any]) -> bool:
    """Tell whether an application did what it was asked to."""
    return bool(summary["outcome"] == "success")


def failures_text(summaries: Iterable[dict[str, Any]]) -> str:
    """Say in a sentence what became of those applications that did not succeed."""
    return "; ".join(_failure_text(summary) for summary in summaries if not is_success(summary))


def _failure_text(summary: dict[str, Any]) -> str:
    name, outcome, code = summary["name"], summary["outcome"], summary["exit_code"]
    text = f"application {name} " + (f"ended: {outcome}" if outcome else "did not run")
    if code is not None:
        text += f", exit code {code}"
    return text + (f" ({summary['failure']})" if summary["failure"] else "")


def workers_text(cluster: models.Cluster) -> str:
    """Say how many workers a cluster has."""
    text = f"Cluster {cluster.id}: {cluster.workers} of {cluster.target_workers} workers are there"
    if cluster.failed_workers:
        text += f"; {len(cluster.failed_workers)} will not come"
    return text


def result_line(summary: dict[str, Any]) -> str:
    """Say in one line what became of an application: name, outcome, exit code, how long it ran."""
    found = [str(summary["outcome"] or "did not run")]
    if summary["exit_code"] is not None:
        found.append(f"exit code {summary['exit_code']}")
    begin, end = summary.get("start_time"), summary.get("end_time")
    if begin and end:
        found.append(f"{(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds():.1f} s")
    return f"Application {summary['name']}: {', '.join(found)}"
