"""Wait until clusters can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import redact

from airflow_provider_aztk.triggers.base import AztkTrigger
from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.outcomes import workers_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot, models

__all__ = ["AztkClusterTrigger"]

#: States of a cluster that was used, and cannot be used any more; values of ``ClusterState``.
ENDED_STATES = ("ended", "deleting")


class AztkClusterTrigger(AztkTrigger):
    """Wait until every one of some clusters can take applications; ends at once where one never will.

    :param cluster_ids: the clusters.
    :param missing_ok: go on waiting for a cluster that does not exist yet, or has ended or is being deleted.
    :param made_ids: those of them that ``cancel_on_kill`` deletes; default None: all.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.base.AztkTrigger`.
    """

    def __init__(
        self,
        *,
        cluster_ids: list[str],
        missing_ok: bool = False,
        made_ids: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cluster_ids = cluster_ids
        self.missing_ok = missing_ok
        self.made_ids = made_ids
        self._logged: dict[str, list[str]] = {}  # texts by cluster

    def watched_ids(self) -> list[str]:
        """Return the ids of the clusters."""
        return list(self.cluster_ids)

    async def check(self, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Return an event if all are ready, or one never will be."""
        ready = 0
        for cluster_id in self.cluster_ids:
            cluster = await snapshots[cluster_id].cluster()
            if cluster is None:
                event = self.on_missing(cluster_id)
                if event is not None:
                    return event
                continue
            if self.missing_ok and cluster.state in ENDED_STATES:
                continue  # the same as missing: it is still to be created anew under this id
            self._log_workers(cluster)
            if cluster.state.is_terminal:
                failure = cluster.failure
                return self.event(
                    WaitStatus.FAILED,
                    message=f"cluster {cluster_id} cannot be used: {failure or cluster.state}",
                    code=failure.code if failure else cluster.state,
                )
            ready += cluster.is_ready
        return self.event(WaitStatus.SUCCESS) if ready == len(self.cluster_ids) else None

    def _log_workers(self, cluster: models.Cluster) -> None:
        """Log how many workers are ready, and the last log lines of those that have failed, when that changes."""
        if not (cluster.spark_master_url or cluster.failed_workers):
            return
        texts = [workers_text(cluster), *(f"{cluster.id}: {worker}" for worker in cluster.failed_workers)]
        for text in texts:
            if text not in self._logged.get(cluster.id, ()):
                self.log.info("%s", redact(text))
        self._logged[cluster.id] = texts

    def on_missing(self, watched_id: str) -> WaitEvent | None:
        """Return a failure, or None where ``missing_ok`` says to wait until the cluster exists."""
        return None if self.missing_ok else super().on_missing(watched_id)

    async def cancel(self, client: AsyncClient) -> None:
        """Delete the clusters that the task has created."""
        from airflow_provider_aztk.triggers.cancellation import cancel_each

        await cancel_each(client.delete_cluster, self.cluster_ids if self.made_ids is None else self.made_ids)
