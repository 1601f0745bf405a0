"""Wait for AZTK jobs: applications that bring their own cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.base import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.logs import AztkLogTrigger
from airflow_provider_aztk.triggers.outcomes import application_summary, failures_text, is_success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, models
    from airflow_provider_aztk.client.watch import JobView

__all__ = ["AztkJobTrigger"]


class AztkJobTrigger(AztkLogTrigger):
    """Wait until AZTK jobs have ended, in whatever way.

    :param job_ids: the jobs.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.logs.AztkLogTrigger`; ``log_names`` are applications
    of the first job, ``cancel_on_kill`` stops the jobs.
    """

    def __init__(
        self,
        *,
        job_ids: list[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_ids = job_ids

    def watched_ids(self) -> list[str]:
        """Name the jobs."""
        return list(self.job_ids)

    async def check(self, views: Mapping[str, JobView]) -> WaitEvent | None:
        """Look whether all jobs have ended."""
        jobs = {job_id: job for job_id in self.job_ids if (job := views[job_id].job) is not None}
        if not all(job.outcome is not None or job.state.is_terminal for job in jobs.values()):
            return None
        summaries = {
            job_id: [application_summary(name, app) for name, app in job.applications.items()]
            for job_id, job in jobs.items()
        }
        bad = [job for job in jobs.values() if not (job.outcome and job.outcome.is_successful)]
        result = {
            "applications": [summary for found in summaries.values() for summary in found],
            "jobs": [{"job_id": j.id, "outcome": str(j.outcome) if j.outcome else None} for j in jobs.values()],
        }
        if not bad:
            return self.event(WaitStatus.SUCCESS, result=result)
        texts = [_text(job, summaries[job.id]) for job in bad]
        return self.event(WaitStatus.FAILED, message="; ".join(texts), code=_code(bad[0], summaries), result=result)

    async def cancel(self, client: AsyncClient) -> None:
        """Stop the jobs; their clusters go with them."""
        for job_id in self.job_ids:
            await client.stop_job(job_id)


def _text(job: models.Job, summaries: list[dict[str, Any]]) -> str:
    reason = str(job.failure) if job.failure else failures_text(summaries)
    return f"job {job.id} ended: {job.outcome or job.state}" + (f" ({reason})" if reason else "")


def _code(job: models.Job, summaries: Mapping[str, list[dict[str, Any]]]) -> object:
    codes = [s["exit_code"] for s in summaries[job.id] if not is_success(s) and s["exit_code"] is not None]
    return codes[0] if codes else (job.failure.code if job.failure else job.outcome)
