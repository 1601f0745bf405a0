"""Wait for applications on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.base import for_each
from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.logs import AztkLogTrigger
from airflow_provider_aztk.triggers.outcomes import application_summary, failures_text, is_success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot, models

__all__ = ["AztkApplicationTrigger"]


class AztkApplicationTrigger(AztkLogTrigger):
    """Wait until applications on a cluster have ended, in whatever way, or their cluster has, or can never start.

    :param cluster_id: the cluster.
    :param application_names: the applications; None: all that the cluster has when it is looked at, and at least one.

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
        """Name the cluster."""
        return [self.cluster_id]

    async def check(self, views: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Look whether all applications have ended, or cannot go on."""
        view = views[self.cluster_id]
        found = self._applications(view)
        summaries = [application_summary(name, application) for name, application in found.items()]
        awaits_more = self.application_names is None and not found
        job = view.job
        if not awaits_more and all(app is not None and app.state.is_terminal for app in found.values()):
            # Who was stopped may have been stopped with its cluster, and Batch says why when that has ended.
            return None if view.is_ending and _is_any_stopped(summaries) else await self._ended(summaries, view)
        if job is None or job.state.is_terminal or job.failure:
            ended = await view.failure()
            reason = (ended or job.state) if job else "it is gone"
            text = f"cluster {self.cluster_id} ended before its applications did: {reason}"
            return self._cut_short(text, ended.code if ended else "JobEnded", summaries)
        failure = await view.start_failure()
        if failure:
            return self._cut_short(f"cluster {self.cluster_id} cannot run: {failure}", failure.code, summaries)
        return None

    async def _ended(self, summaries: list[dict[str, Any]], view: JobSnapshot) -> WaitEvent:
        bad = [summary for summary in summaries if not is_success(summary)]
        if not bad:
            return self.event(WaitStatus.SUCCESS, result={"applications": summaries})
        message = failures_text(bad)
        if _is_any_stopped(bad) and view.end is not None:
            failure = await view.failure()
            message += f"; {failure or view.end.message}"
            if failure is not None:
                return self._cut_short(message, failure.code, summaries)
        return self.event(
            WaitStatus.FAILED, message=message, code=bad[0]["exit_code"], result={"applications": summaries}
        )

    def _cut_short(self, message: str, code: str, summaries: list[dict[str, Any]]) -> WaitEvent:
        result = {"applications": summaries, "cut_short": code}
        return self.event(WaitStatus.FAILED, message=message, code=code, result=result)

    def _applications(self, view: JobSnapshot) -> dict[str, models.Application | None]:
        if self.application_names is None:
            return {application.name: application for application in view.applications}
        return {name: view.application(name) for name in self.application_names}

    async def cancel(self, client: AsyncClient) -> None:
        """Stop the applications that this task started."""

        async def stop(name: str) -> None:
            await client.stop_application(self.cluster_id, name)

        await for_each(stop, self.application_names or ())


def _is_any_stopped(summaries: list[dict[str, Any]]) -> bool:
    return any(summary["outcome"] == "stopped" for summary in summaries)
