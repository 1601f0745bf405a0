"""Wait for clusters: until they can be used, or until they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import redact

from airflow_provider_aztk.triggers.base import AztkTrigger, for_each
from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.outcomes import workers_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot, models

__all__ = ["AztkClusterTrigger"]

#: States of a cluster that was used up, and is not there any more for who needs one; values of ``ClusterState``.
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
        self._told: dict[str, list[str]] = {}

    def watched_ids(self) -> list[str]:
        """Name the clusters."""
        return list(self.cluster_ids)

    async def check(self, views: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Look whether all are ready, or one never will be."""
        ready = 0
        for cluster_id in self.cluster_ids:
            cluster = await views[cluster_id].cluster()
            if cluster is None:
                event = self.gone(cluster_id)
                if event is not None:
                    return event
                continue
            if self.missing_ok and cluster.state in ENDED_STATES:
                continue  # as good as missing: another one of this id is to come
            self._tell(cluster)
            if cluster.state.is_terminal:
                failure = cluster.failure
                return self.event(
                    WaitStatus.FAILED,
                    message=f"cluster {cluster_id} cannot be used: {failure or cluster.state}",
                    code=failure.code if failure else cluster.state,
                )
            ready += cluster.is_ready
        return self.event(WaitStatus.SUCCESS) if ready == len(self.cluster_ids) else None

    def _tell(self, cluster: models.Cluster) -> None:
        """Log how many workers there are, and the last words of those that will not come, when that changes."""
        if not (cluster.spark_master_url or cluster.failed_workers):
            return
        texts = [workers_text(cluster), *(f"{cluster.id}: {worker}" for worker in cluster.failed_workers)]
        for text in texts:
            if text not in self._told.get(cluster.id, ()):
                self.log.info("%s", redact(text))
        self._told[cluster.id] = texts

    def gone(self, watched: str) -> WaitEvent | None:
        """Fail, or wait until it comes."""
        return None if self.missing_ok else super().gone(watched)

    async def cancel(self, client: AsyncClient) -> None:
        """Delete the clusters that the task has made."""
        await for_each(client.delete_cluster, self.cluster_ids if self.made_ids is None else self.made_ids)
