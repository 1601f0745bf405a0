"""Wait until clusters can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.sensors.base import AztkSensor, checked_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["AztkClusterSensor"]


class AztkClusterSensor(AztkSensor):
    """Wait until one or several clusters can take applications.

    :param cluster_id: one cluster, or a list of them (templated).
    :param missing_ok: go on waiting for a cluster that does not exist yet, or has ended (by ``idle_timeout``,
        ``max_lifetime``, or stopped or deleted by a user) and is still to be created anew; default False: fail. A
        cluster that has failed (quota, capacity, image, its master) fails the sensor in both cases.

    Further parameters: see :class:`~airflow_provider_aztk.sensors.base.AztkSensor`.
    """

    template_fields: Sequence[str] = ("cluster_id", "aztk_conn_id")

    def __init__(self, *, cluster_id: str | list[str], missing_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.missing_ok = missing_ok

    def make_trigger(self) -> AztkTrigger:
        """Return the trigger that waits for all of the clusters."""
        from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger

        return AztkClusterTrigger(
            cluster_ids=checked_ids("cluster_id", self.cluster_id),
            missing_ok=self.missing_ok,
            **self.trigger_arguments,
        )

    def result_lines(self, event: WaitEvent) -> list[str]:
        """Return a line for each cluster that can be used."""
        return [f"Cluster {cluster_id} can be used" for cluster_id in event["ids"] if event["status"] == "success"]

    def result(self, event: WaitEvent) -> list[str]:
        """Return the clusters' ids."""
        return event["ids"]
