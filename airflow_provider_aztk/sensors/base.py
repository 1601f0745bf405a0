"""What all sensors share: one look, used in every mode. A sensor never cancels anything."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseSensorOperator, PokeReturnValue

from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.utils.settings import default_deferrable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.triggers.base import AztkTrigger, WaitEvent

__all__ = ["AztkSensor", "as_list"]


class AztkSensor(BaseSensorOperator):
    """Wait for something on Azure Batch that another task, or nobody in Airflow, has started.

    Where waiting longer is pointless (what is waited for has failed, or is gone), the sensor fails at once and is not
    retried; with ``soft_fail`` it is skipped. Reaching ``timeout`` cancels nothing.

    :param aztk_conn_id: the connection of type ``aztk``.
    :param deferrable: wait without a worker; default ``[operators] default_deferrable``. Goes before ``mode``.

    ``poke_interval`` (default here 30 s), ``timeout``, ``mode`` and ``soft_fail`` are Airflow's own.
    """

    template_fields: Sequence[str] = ("aztk_conn_id",)
    ui_color = "#f1ebf8"

    def __init__(
        self,
        *,
        aztk_conn_id: str = AztkHook.default_conn_name,
        deferrable: bool | None = None,
        poke_interval: timedelta | float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.aztk_conn_id = aztk_conn_id
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    @cached_property
    def hook(self) -> AztkHook:
        """The connection to the account."""
        return AztkHook(self.aztk_conn_id)

    @abstractmethod
    def make_trigger(self) -> AztkTrigger:
        """Make the trigger that waits for it."""

    def result(self, event: WaitEvent) -> Any:
        """Give the task's result."""
        return event["result"]

    def execute(self, context: Context) -> Any:
        """Wait in the mode that was asked for."""
        if not self.deferrable:
            return super().execute(context)
        self.defer(
            trigger=self.make_trigger(),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once."""
        trigger = self.make_trigger()
        trigger.hook = self.hook
        event = asyncio.run(trigger.look_once())
        if event is None:
            return False
        return PokeReturnValue(is_done=True, xcom_value=self.execute_complete(context, event))

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Give the result, or fail for good."""
        if event["status"] != "success":
            raise AirflowFailException(event["message"] or f"{', '.join(event['ids'])}: {event['code']}")
        return self.result(event)


def as_list(value: str | Sequence[str]) -> list[str]:
    """Take one or several of something."""
    return [value] if isinstance(value, str) else list(value)
