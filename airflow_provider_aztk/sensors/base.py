"""The base of all sensors: polling, deferral and soft_fail. A sensor never cancels anything."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    redact,
)

from airflow_provider_aztk.configuration.rendering import noticing_nothing, rendered
from airflow_provider_aztk.exceptions import final_errors
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.naming import checked_id
from airflow_provider_aztk.settings import default_deferrable, default_poll_interval
from airflow_provider_aztk.timing import checked_interval, execution_deadline

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["AztkSensor", "checked_ids"]

_REQUEST_TIMEOUT = 408
_SERVER_ERRORS = 500


class AztkSensor(BaseSensorOperator):
    """Wait for clusters, applications or jobs on Azure Batch, whether a task of this DAG has started them or not.

    If they have failed or do not exist any more, the sensor fails at once and is not retried; with ``soft_fail`` it is
    skipped. After ``timeout`` nothing is cancelled. Transient errors (throttling, no answer) are retried in every mode.

    :param aztk_conn_id: the connection of type ``aztk``.
    :param deferrable: wait without a worker; default ``[operators] default_deferrable``. Has precedence over ``mode``.
    :param poke_interval: seconds (or a timedelta) between two polls of Azure Batch; default ``[aztk] poll_interval``,
        30.
    :param poll_interval: the same as ``poke_interval``, under the name that it has in operators.
    :raises ValueError: for an interval that is not greater than 0, or if both are given.

    ``timeout``, ``mode`` and ``soft_fail`` are Airflow's own; ``execution_timeout`` applies to deferred waits as well.
    """

    template_fields: Sequence[str] = ("aztk_conn_id",)
    ui_color = "#f1ebf8"

    def __init__(
        self,
        *,
        aztk_conn_id: str = AztkHook.default_conn_name,
        deferrable: bool | None = None,
        poke_interval: timedelta | float | None = None,
        poll_interval: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=_interval(poke_interval, poll_interval), **kwargs)
        self.aztk_conn_id = aztk_conn_id
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render as Airflow does, and mark values that render to None."""
        if not isinstance(content, str):
            return super().render_template(content, context, jinja_env, seen_oids)
        found = jinja_env or self.get_template_env()
        return rendered(super().render_template(content, context, noticing_nothing(found), seen_oids), found)

    @cached_property
    def hook(self) -> AztkHook:
        """The hook of the connection."""
        return AztkHook(self.aztk_conn_id)

    @property
    def trigger_arguments(self) -> dict[str, Any]:
        """The arguments that the triggers of all sensors have."""
        return {"aztk_conn_id": self.aztk_conn_id, "poll_interval": self.poke_interval}

    @abstractmethod
    def make_trigger(self) -> AztkTrigger:
        """Return the trigger that defines and runs the wait.

        :raises AirflowFailException: for an illegal id, see :func:`checked_ids`.
        """

    def result(self, event: WaitEvent) -> Any:
        """Return the task's result."""
        return event["result"]

    def result_lines(self, event: WaitEvent) -> list[str]:
        """Return the log lines with the outcome, one for each application."""
        from airflow_provider_aztk.triggers.outcomes import result_line

        return [result_line(summary) for summary in event["result"].get("applications", [])]

    def execute(self, context: Context) -> Any:
        """Poll once, and defer; or wait in the worker, if not ``deferrable``."""
        trigger = self.make_trigger()  # in every mode: an illegal id is refused before the first request
        if not self.deferrable:
            return super().execute(context)
        event = self._poll_before_deferral(trigger)
        if event is not None:
            return self.execute_complete(context, event)
        self._defer_to(trigger, context)

    def _poll_before_deferral(self, trigger: AztkTrigger) -> WaitEvent | None:
        """Poll once: a wait that is already over needs no deferral. Errors that are not final are left to the trigger.

        :raises AirflowFailException: for an error that is final.
        """
        try:
            return self._poll_once(trigger)
        except AirflowFailException:
            raise
        except Exception as error:
            self.log.warning("Azure Batch cannot be polled now; it is tried again: %s", error)
            return None

    def _poll_once(self, trigger: AztkTrigger) -> WaitEvent | None:
        with final_errors(self.hook):
            return trigger.poll_once(hook=self.hook)

    def _defer_to(self, trigger: AztkTrigger, context: Context) -> NoReturn:
        trigger.remote = _identity(trigger)
        trigger.deadline = execution_deadline(self.execution_timeout, context)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))
        raise RuntimeError("BaseSensorOperator.defer() has returned")  # it raises; Airflow does not declare so

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once, and return whether the wait is over; after a transient error it is not."""
        from airflow_provider_aztk.client import errors

        try:
            event = self._poll_once(self.make_trigger())
        except errors.AztkError as error:
            if not _is_transient(error):
                raise
            self.log.warning("Azure Batch cannot be polled now; it is tried again: %s", error)
            return False
        if event is None:
            return False
        return PokeReturnValue(is_done=True, xcom_value=self.execute_complete(context, event))

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Return the result of the wait, or raise its error.

        :raises AirflowFailException: if a cluster, application or job has failed or does not exist any more.
        :raises AirflowTaskTimeout: if ``execution_timeout`` is over.
        :raises AirflowSkipException: instead of the timeout with ``soft_fail`` or ``never_fail``, as in a sensor that
            polls. After a deferral, Airflow itself applies them to other errors only.
        """
        trigger = self.make_trigger()
        if event["remote"] and event["remote"] != _identity(trigger):
            ids = ", ".join(event["ids"])
            self.log.warning("Woken by the event of an earlier try, which waited for %s; deferred again", ids)
            self._defer_to(trigger, context)  # the task was cleared before a triggerer had its trigger
        if event["status"] == "timeout":
            message = f"{event['message']}: {self.execution_timeout}; nothing was cancelled"
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(message)
            raise AirflowTaskTimeout(message)
        for line in self.result_lines(event):
            self.log.info("%s", redact(line))
        if event["status"] != "success":
            raise AirflowFailException(event["message"] or f"{', '.join(event['ids'])}: {event['code']}")
        return self.result(event)


def _identity(trigger: AztkTrigger) -> dict[str, Any]:
    """Return a trigger's class and arguments as JSON; an event with others comes from an earlier trigger."""
    path, kwargs = trigger.serialize()
    kwargs = {name: value for name, value in kwargs.items() if name not in ("deadline", "remote")}
    found: dict[str, Any] = json.loads(json.dumps({"trigger": path, **kwargs}))
    return found


def checked_ids(field: str, value: Any) -> list[str]:
    """Return one id or name, or several, as a list.

    :param field: the sensor's argument, for the error text.
    :param value: the rendered argument: a text, or a sequence of at least one.
    :raises AirflowFailException: for any other value, and for an id that is illegal on Azure Batch.
    """
    from airflow_provider_aztk import client

    several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if several and not value:
        raise AirflowFailException(f"{field}={value!r}: give at least one")
    named = [(f"{field}[{index}]", one) for index, one in enumerate(value)] if several else [(field, value)]
    try:
        return [client.checked_id(checked_id(one, name), name) for name, one in named]
    except ValueError as error:
        raise AirflowFailException(str(error)) from error


def _interval(poke_interval: Any, poll_interval: Any) -> float:
    """Return the seconds between two polls, more than 0."""
    if poke_interval is not None and poll_interval is not None:
        raise ValueError(f"poll_interval={poll_interval!r}: poke_interval is given as well; remove one of them")
    field, value = ("poke_interval", poke_interval) if poll_interval is None else ("poll_interval", poll_interval)
    if value is None:
        field, value = "[aztk] poll_interval", default_poll_interval()
    return checked_interval(field, value)


def _is_transient(error: Exception) -> bool:
    """Return whether the next poll may succeed after an error of the service."""
    from airflow_provider_aztk.client import errors

    if isinstance(error, errors.ServiceError):
        status = error.status or 0
        return isinstance(error, errors.ThrottledError) or status == _REQUEST_TIMEOUT or status >= _SERVER_ERRORS
    return isinstance(error, errors.ConnectionFailedError)
