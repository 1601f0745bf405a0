"""The base of the operators that delete."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_aztk.exceptions import final_errors
from airflow_provider_aztk.naming import checked_id
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.settings import default_deferrable
from airflow_provider_aztk.timing import execution_deadline

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client

__all__ = ["AztkDeletionOperator"]


class AztkDeletionOperator(AztkOperator):
    """Delete something; safe to repeat.

    The task's result: whether there was something to delete.

    :param keep_logs: keep the drivers' logs in the storage account; default False.
    :param wait_for_completion: wait until Azure has removed it; default False: Azure goes on by itself.
    :param deferrable: wait without a worker; default ``[operators] default_deferrable``.
    """

    def __init__(
        self,
        *,
        keep_logs: bool = False,
        wait_for_completion: bool = False,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keep_logs = keep_logs
        self.wait_for_completion = wait_for_completion
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    #: What is deleted, in a sentence of the log; with ``_id`` behind it, the name of the argument.
    kind: ClassVar[str] = "cluster"

    @property
    @abstractmethod
    def deleted_id(self) -> str:
        """The id of what is to be deleted."""

    @abstractmethod
    def delete(self, client: Client) -> bool:
        """Delete it, and return whether there was something to delete."""

    def execute(self, context: Context) -> bool:
        """Delete it, and wait if asked to."""
        with final_errors():
            checked_id(self.deleted_id, f"{self.kind}_id")
        with final_errors(self.hook), self.hook.get_client() as client:
            deleted = self.delete(client)
            deleted_at = client.service_time.timestamp()  # compared with the service's times
        done = "is being deleted" if deleted else "does not exist, or is being deleted already"
        kept = "; its drivers' logs are kept" if deleted and self.keep_logs else ""
        self.log.info("%s %s %s%s", self.kind.capitalize(), self.deleted_id, done, kept)
        if not self.wait_for_completion:
            return deleted
        from airflow_provider_aztk.triggers.deletion import AztkDeletionTrigger

        trigger = AztkDeletionTrigger(
            deleted_id=self.deleted_id,
            deleted_at=deleted_at,
            aztk_conn_id=self.aztk_conn_id,
            poll_interval=self.poll_interval,
            deadline=execution_deadline(self.execution_timeout, context),
            remote={"deleted_id": self.deleted_id, "deleted": deleted},
        )
        if self.deferrable:
            self.defer_to(trigger)
        return self.execute_complete(context, self.wait_in_worker(trigger, context))

    def execute_complete(self, context: Context, event: Any = None) -> bool:
        """Return the task's result."""
        if event["remote"].get("deleted_id") != self.deleted_id:
            self.log.warning("Woken by what an earlier try had waited for (%s)", ", ".join(event["ids"]))
            return self.execute(context)  # it was cleared before a triggerer had its trigger
        if event["status"] == "timeout":
            raise AirflowTaskTimeout(f"{event['message']}: {self.execution_timeout}; Azure goes on deleting")
        with final_errors(self.hook), self.hook.get_client() as client:
            pools = client.delete_orphaned_pools(self.deleted_id)
        for pool in pools:
            self.log.warning("Pool %s outlived its %s, and is deleted, too", pool, self.kind)
        self.log.info("%s %s is deleted", self.kind.capitalize(), self.deleted_id)
        return bool(event["remote"]["deleted"])
