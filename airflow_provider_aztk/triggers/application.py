"""Wait for applications on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.logs import AztkLogTrigger
from airflow_provider_aztk.triggers.outcomes import application_summary, failures_text, is_success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot, models
    from airflow_provider_aztk.triggers.events import ApplicationSummary, WaitResult

__all__ = ["AztkApplicationTrigger"]


class AztkApplicationTrigger(AztkLogTrigger):
    """Wait until applications on a cluster have ended, in whatever way, or their cluster has, or can never start.

    :param cluster_id: the cluster.
    :param application_names: the applications; None: all that the cluster has at the time of a poll, at least one.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.logs.AztkLogTrigger`; ``cancel_on_kill`` stops the
    applications.
    """

    def __init__(
        self,
        *,
        cluster_id: str,
        application_names: list[str] | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.application_names = application_names

    def watched_ids(self) -> list[str]:
        """Return the cluster's id."""
        return [self.cluster_id]

    async def check(self, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Return an event if all applications have ended, or cannot go on."""
        snapshot = snapshots[self.cluster_id]
        found = self._applications(snapshot)
        summaries = [application_summary(name, application) for name, application in found.items()]
        awaits_more = self.application_names is None and not found
        job = snapshot.job
        if not awaits_more and all(app is not None and app.state.is_terminal for app in found.values()):
            # A stopped application may have been stopped with its cluster; Batch says why when the cluster has ended.
            return None if snapshot.is_ending and _is_any_stopped(summaries) else await self._ended(summaries, snapshot)
        if job is None or job.state.is_terminal or job.failure:
            ended = await snapshot.failure()
            reason = (ended or job.state) if job else "it does not exist any more"
            text = f"cluster {self.cluster_id} ended before its applications did: {reason}"
            return self._cluster_failed(text, ended.code if ended else "JobEnded", summaries)
        failure = await snapshot.start_failure()
        if failure:
            return self._cluster_failed(f"cluster {self.cluster_id} cannot run: {failure}", failure.code, summaries)
        return None

    async def _ended(self, summaries: list[ApplicationSummary], snapshot: JobSnapshot) -> WaitEvent:
        bad = [summary for summary in summaries if not is_success(summary)]
        if not bad:
            return self.event(WaitStatus.SUCCESS, result={"applications": summaries})
        message = failures_text(bad)
        if _is_any_stopped(bad) and snapshot.end is not None:
            failure = await snapshot.failure()
            message += f"; {failure or snapshot.end.message}"
            if failure is not None:
                return self._cluster_failed(message, failure.code, summaries)
        return self.event(
            WaitStatus.FAILED, message=message, code=bad[0]["exit_code"], result={"applications": summaries}
        )

    def _cluster_failed(self, message: str, code: str, summaries: list[ApplicationSummary]) -> WaitEvent:
        result: WaitResult = {"applications": summaries, "cluster_failure_code": code}
        return self.event(WaitStatus.FAILED, message=message, code=code, result=result)

    def _applications(self, snapshot: JobSnapshot) -> dict[str, models.Application | None]:
        if self.application_names is None:
            return {application.name: application for application in snapshot.applications}
        return {name: snapshot.application(name) for name in self.application_names}

    async def cancel(self, client: AsyncClient) -> None:
        """Stop the applications that this task started."""

        from airflow_provider_aztk.triggers.cancellation import cancel_each

        async def stop(name: str) -> None:
            await client.stop_application(self.cluster_id, name)

        await cancel_each(stop, self.application_names or ())


def _is_any_stopped(summaries: list[ApplicationSummary]) -> bool:
    return any(summary["outcome"] == "stopped" for summary in summaries)
