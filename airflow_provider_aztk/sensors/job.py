"""Wait until AZTK jobs have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.sensors.base import AztkSensor, checked_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.triggers.base import AztkTrigger

__all__ = ["AztkJobSensor"]


class AztkJobSensor(AztkSensor):
    """Wait until one or several AZTK jobs have ended; fail where one did not succeed.

    The task's result: ``{"jobs": [{"job_id", "outcome"}], "applications": [...]}``.

    :param job_id: one job, or a list of them (templated).

    Further parameters: see :class:`~airflow_provider_aztk.sensors.base.AztkSensor`.
    """

    template_fields: Sequence[str] = ("job_id", "aztk_conn_id")

    def __init__(self, *, job_id: str | list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def make_trigger(self) -> AztkTrigger:
        """Return the trigger that waits for all of the jobs."""
        from airflow_provider_aztk.triggers.job import AztkJobTrigger

        return AztkJobTrigger(job_ids=checked_ids("job_id", self.job_id), **self.trigger_arguments)
