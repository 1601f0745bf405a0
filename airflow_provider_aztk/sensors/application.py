"""Wait until applications on a cluster have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aztk.sensors.base import AztkSensor, checked_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import ApplicationSummary, WaitEvent

__all__ = ["AztkApplicationSensor"]


class AztkApplicationSensor(AztkSensor):
    """Wait until one, several, or all applications of a cluster have ended; fail where one did not succeed.

    :param cluster_id: the cluster (templated).
    :param application_name: one application, a list of them, or None: all that the cluster has, and at least one: as
        long as there is none, the sensor waits (templated; None after rendering is refused). Case does not matter.

    Further parameters: see :class:`~airflow_provider_aztk.sensors.base.AztkSensor`.
    """

    template_fields: Sequence[str] = ("cluster_id", "application_name", "aztk_conn_id")

    def __init__(self, *, cluster_id: str, application_name: str | list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.application_name = application_name
        self._wants_all = application_name is None  # None after rendering is an error: a name was expected

    def make_trigger(self) -> AztkTrigger:
        """Return the trigger that waits for the applications."""
        from airflow_provider_aztk.triggers.application import AztkApplicationTrigger

        wants_all = self._wants_all and self.application_name is None
        if not isinstance(self.cluster_id, str):
            raise AirflowFailException(f"cluster_id={self.cluster_id!r}: give the id of one cluster")
        return AztkApplicationTrigger(
            cluster_id=checked_ids("cluster_id", self.cluster_id)[0],
            application_names=None if wants_all else checked_ids("application_name", self.application_name),
            **self.trigger_arguments,
        )

    def result(self, event: WaitEvent) -> list[ApplicationSummary]:
        """Return the summaries of the applications."""
        return event["result"]["applications"]
