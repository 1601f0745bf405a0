"""Wait until a cluster or job that was deleted does not exist any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.triggers.base import AztkTrigger
from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot

__all__ = ["AztkDeletionTrigger"]


class AztkDeletionTrigger(AztkTrigger):
    """Wait until Azure Batch has removed a cluster or job that was deleted.

    One that was created under the same id after the deletion is not waited for.

    :param deleted_id: the cluster or job.
    :param deleted_at: Unix time of the deletion.

    Further parameters: see :class:`~airflow_provider_aztk.triggers.base.AztkTrigger`. A deletion cannot be cancelled.
    """

    def __init__(self, *, deleted_id: str, deleted_at: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deleted_id = deleted_id
        self.deleted_at = deleted_at

    def watched_ids(self) -> list[str]:
        """Return the id of what was deleted."""
        return [self.deleted_id]

    async def check(self, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Return an event if what exists was created after the deletion."""
        job = snapshots[self.deleted_id].job
        created = job.creation_time if job else None
        return self.on_missing(self.deleted_id) if created and created.timestamp() > self.deleted_at else None

    def on_missing(self, watched_id: str) -> WaitEvent:
        """Return a success: that it does not exist is what was waited for."""
        return self.event(WaitStatus.SUCCESS)

    async def cancel(self, client: AsyncClient) -> None:
        """Do nothing: a deletion cannot be cancelled."""
