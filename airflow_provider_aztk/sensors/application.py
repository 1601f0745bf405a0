"""Wait until applications on a cluster have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.sensors.base import AztkSensor, as_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.triggers.base import AztkTrigger, WaitEvent

__all__ = ["AztkApplicationSensor"]


class AztkApplicationSensor(AztkSensor):
    """Wait until one, several, or all applications of a cluster have ended; fail where one did not succeed.

    :param cluster_id: the cluster (templated).
    :param application_name: one application, a list of them, or None: all that the cluster has (templated).

    Further parameters: see :class:`~airflow_provider_aztk.sensors.base.AztkSensor`.
    """

    template_fields: Sequence[str] = ("cluster_id", "application_name", "aztk_conn_id")

    def __init__(self, *, cluster_id: str, application_name: str | list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.application_name = application_name

    def make_trigger(self) -> AztkTrigger:
        """Wait for them."""
        from airflow_provider_aztk.triggers.application import AztkApplicationTrigger

        return AztkApplicationTrigger(
            cluster_id=self.cluster_id,
            application_names=None if self.application_name is None else as_list(self.application_name),
            aztk_conn_id=self.aztk_conn_id,
            poll_interval=self.poke_interval,
        )

    def result(self, event: WaitEvent) -> list[dict[str, Any]]:
        """Give what became of the applications."""
        found: list[dict[str, Any]] = event["result"]["applications"]
        return found
