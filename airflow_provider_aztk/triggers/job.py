"""Wait for AZTK jobs: applications that bring their own cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.logs import AztkLogTrigger
from airflow_provider_aztk.triggers.outcomes import application_summary, failures_text, is_success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot, models
    from airflow_provider_aztk.triggers.events import ApplicationSummary, WaitResult

__all__ = ["AztkJobTrigger"]


class AztkJobTrigger(AztkLogTrigger):
    """Wait until AZTK jobs have ended, in whatever way; ends at once where one can never start.

    :param job_ids: the jobs.
    :param delete_on_kill: where ``cancel_on_kill`` says that jobs are cancelled, delete them; default False: stop them.
    :param keep_logs: keep the drivers' logs of jobs that are deleted; default False.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.logs.AztkLogTrigger`; ``log_names`` are applications
    of the first job, ``cancel_on_kill`` cancels the jobs.
    """

    def __init__(
        self,
        *,
        job_ids: list[str],
        delete_on_kill: bool = False,
        keep_logs: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_ids = job_ids
        self.delete_on_kill = delete_on_kill
        self.keep_logs = keep_logs

    def watched_ids(self) -> list[str]:
        """Return the ids of the jobs."""
        return list(self.job_ids)

    async def check(self, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Return an event if all jobs have ended, or one can never start."""
        jobs = {job_id: job for job_id in self.job_ids if (job := snapshots[job_id].job) is not None}
        going_on = [job_id for job_id, job in jobs.items() if job.outcome is None and not job.state.is_terminal]
        return await self._start_failure(going_on, snapshots, jobs) if going_on else await self._ended(jobs, snapshots)

    async def _ended(self, jobs: Mapping[str, models.Job], snapshots: Mapping[str, JobSnapshot]) -> WaitEvent:
        summaries = _summaries(jobs)
        bad = [job_id for job_id, job in jobs.items() if not (job.outcome and job.outcome.is_successful)]
        result = _result(jobs, summaries)
        if not bad:
            return self.event(WaitStatus.SUCCESS, result=result)
        reasons = {job_id: await snapshots[job_id].failure() for job_id in bad}
        failure_code = next((reason.code for reason in reasons.values() if reason), None)
        if failure_code:
            result["cluster_failure_code"] = failure_code
        texts = [_text(jobs[job_id], reasons[job_id], summaries[job_id]) for job_id in bad]
        code = _code(jobs[bad[0]], summaries[bad[0]])
        return self.event(WaitStatus.FAILED, message="; ".join(texts), code=code, result=result)

    async def _start_failure(
        self, going_on: list[str], snapshots: Mapping[str, JobSnapshot], jobs: Mapping[str, models.Job]
    ) -> WaitEvent | None:
        """Return an event if a job cannot start: its pool gets no nodes, and Batch would wait for them for days."""
        for job_id in going_on:
            failure = await snapshots[job_id].start_failure()
            if failure:
                result = _result(jobs, _summaries(jobs))
                text = f"job {job_id} cannot run: {failure}"
                return self.event(WaitStatus.FAILED, message=text, code=failure.code, result=result)
        return None

    async def cancel(self, client: AsyncClient) -> None:
        """Stop the jobs, or delete them if that was asked for; their clusters go with them."""

        from airflow_provider_aztk.triggers.cancellation import cancel_each

        async def delete(job_id: str) -> None:
            await client.delete_job(job_id, keep_logs=self.keep_logs)

        await cancel_each(delete if self.delete_on_kill else client.stop_job, self.job_ids)


def _summaries(jobs: Mapping[str, models.Job]) -> dict[str, list[ApplicationSummary]]:
    return {
        job_id: [application_summary(name, app) for name, app in job.applications.items()]
        for job_id, job in jobs.items()
    }


def _result(jobs: Mapping[str, models.Job], summaries: Mapping[str, list[ApplicationSummary]]) -> WaitResult:
    return {
        "applications": [summary for found in summaries.values() for summary in found],
        "jobs": [{"job_id": job.id, "outcome": str(job.outcome) if job.outcome else None} for job in jobs.values()],
    }


def _text(job: models.Job, failure: models.Failure | None, summaries: list[ApplicationSummary]) -> str:
    reason = str(failure) if failure else failures_text(summaries)
    return f"job {job.id} ended: {job.outcome or job.state}" + (f" ({reason})" if reason else "")


def _code(job: models.Job, summaries: list[ApplicationSummary]) -> object:
    codes = [s["exit_code"] for s in summaries if not is_success(s) and s["exit_code"] is not None]
    return codes[0] if codes else (job.failure.code if job.failure else job.outcome)
