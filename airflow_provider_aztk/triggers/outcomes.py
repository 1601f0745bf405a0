"""The outcome of applications, as plain JSON for events and XComs, and as text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aztk.client import models
    from airflow_provider_aztk.triggers.events import ApplicationSummary

__all__ = ["application_summary", "failures_text", "is_success", "result_line", "workers_text"]


def application_summary(name: str, application: models.Application | None) -> ApplicationSummary:
    """Return the summary of an application for an event.

    :param name: its name.
    :param application: its state on Azure Batch, or None where it was never scheduled.
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


def is_success(summary: ApplicationSummary) -> bool:
    """Return whether an application succeeded."""
    return bool(summary["outcome"] == "success")


def failures_text(summaries: Iterable[ApplicationSummary]) -> str:
    """Return a sentence on those applications that did not succeed."""
    return "; ".join(_failure_text(summary) for summary in summaries if not is_success(summary))


def _failure_text(summary: ApplicationSummary) -> str:
    name, outcome, code = summary["name"], summary["outcome"], summary["exit_code"]
    text = f"application {name} " + (f"ended: {outcome}" if outcome else "did not run")
    if code is not None:
        text += f", exit code {code}"
    return text + (f" ({summary['failure']})" if summary["failure"] else "")


def workers_text(cluster: models.Cluster) -> str:
    """Return a sentence on how many workers of a cluster are ready."""
    text = f"Cluster {cluster.id}: {cluster.workers} of {cluster.target_workers} workers are ready"
    if cluster.failed_workers:
        text += f"; {len(cluster.failed_workers)} failed"
    return text


def result_line(summary: ApplicationSummary) -> str:
    """Return one line on an application: name, outcome, exit code, how long it ran."""
    found = [str(summary["outcome"] or "did not run")]
    if summary["exit_code"] is not None:
        found.append(f"exit code {summary['exit_code']}")
    begin, end = summary.get("start_time"), summary.get("end_time")
    if begin and end:
        found.append(f"{(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds():.1f} s")
    return f"Application {summary['name']}: {', '.join(found)}"
