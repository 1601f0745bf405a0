"""Operators that start something remote and wait for it: durable, deferrable, cancelled however the task ends.

The life of a durable task: ``execute`` starts the work or finds it again, then waits in the worker or defers;
``execute_complete`` turns the event of the wait into the result; ``resume_execution`` cancels where the deferral itself
failed; ``on_kill`` cancels. What happens when a process dies in between is in
:class:`~airflow_provider_aztk.operators.task_try.TaskTry`; what is saved, in
:class:`~airflow_provider_aztk.operators.task_state.TaskState`; what is started, in the subclasses of
:class:`~airflow_provider_aztk.operators.work.Work`.

On Airflow 3.2 there is no task-state store: a retry starts anew, and what the lost try had started runs to its end.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_aztk.exceptions import AztkTaskError, final_errors
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.task_state import TaskState
from airflow_provider_aztk.operators.task_try import TaskTry
from airflow_provider_aztk.settings import default_deferrable
from airflow_provider_aztk.timing import execution_deadline

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.operators.work import Work
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["AztkDurableOperator"]

_KILL_SECONDS = 4.0  # a worker has 5 s from SIGTERM to SIGKILL, whatever the configuration says


class AztkDurableOperator(AztkOperator):
    """Start something on Azure Batch, once, and wait for it.

    :param wait_for_completion: wait until it is done; default True.
    :param deferrable: wait without a worker; default ``[operators] default_deferrable``.
    :param cancel_on_kill: end the remote work when the task is ended from outside: killed, cleared, marked, timed
        out; default True.
    """

    def __init__(
        self,
        *,
        wait_for_completion: bool = True,
        deferrable: bool | None = None,
        cancel_on_kill: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.cancel_on_kill = cancel_on_kill
        self._try: TaskTry[Any] | None = None

    @abstractmethod
    def make_work(self, context: Context) -> Work[Any]:
        """Return what the task starts, made of the rendered fields."""

    @property
    def batch_limit(self) -> timedelta | None:
        """How long Azure Batch lets it run: as long as the task may take, for a lost worker can cancel nothing."""
        return self.execution_timeout if self.cancel_on_kill else None

    def execute(self, context: Context) -> Any:
        """Start the work, or find it again, and wait for it."""
        self.links_are_known = True
        task_try = self._begin(context)
        finished = task_try.state.finished()
        if finished is not None:
            return self._finish_again(task_try, *finished)
        try:
            with final_errors(self.hook):
                started = task_try.start()
                if not self.wait_for_completion:
                    return task_try.state.save_result(started, task_try.work.unfinished_result(started))
                trigger = self._make_trigger(task_try, started)
            if self.deferrable:
                task_try.work.prepare_deferral(trigger)
                self.defer_to(trigger)
            event = self.wait_in_worker(trigger, context)
        except AirflowTaskTimeout:
            if self.cancel_on_kill:
                task_try.state.delete()  # Airflow calls on_kill next, which cancels
            raise
        except Exception as error:
            if _is_last_try(context) or isinstance(error, AirflowFailException):
                task_try.abandon()
            raise
        return self._complete(task_try, event)

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Resume the task where the wait has ended."""
        return self._complete(self._begin(context), event)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume; where the deferral itself failed or timed out, cancel first: no trigger did."""
        from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout

        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout) as error:
            task_try = self._begin(context)
            started = task_try.state.started()
            if started is not None:
                is_late = isinstance(error, TaskDeferralTimeout)
                because = "the time for the deferral is over" if is_late else "the task's trigger has failed"
                task_try.give_up(started, because)
            raise

    def on_kill(self) -> None:
        """Cancel, within the few seconds that a worker has; asks nothing of Airflow, whose line may be in use."""
        task_try = self._try
        if task_try is None or task_try.started is None or not self.cancel_on_kill:
            return
        self.stop_waiting()
        # A thread and a client of its own: the main thread may hold a lock of the other client right now.
        cancel = partial(task_try.cancel, task_try.started, "the task was ended")
        thread = Thread(target=cancel, daemon=True, name="aztk-cancel")
        thread.start()
        thread.join(_KILL_SECONDS)

    def _begin(self, context: Context) -> TaskTry[Any]:
        work = self.make_work(context)
        state = TaskState(context, work.started_type, self.log)
        self._try = TaskTry(work, state, cancel_on_kill=self.cancel_on_kill)
        return self._try

    def _finish_again(self, task_try: TaskTry[Any], started: Any, result: Any) -> Any:
        """Do what an earlier try may not have come to after it had saved its result."""
        text = task_try.work.describe(started)
        self.log.info("An earlier try had finished already, with %s; its result is given again", text)
        task_try.show_again(started)
        if self.wait_for_completion:
            task_try.remove_when_done(started)
        return result

    def _make_trigger(self, task_try: TaskTry[Any], started: Any) -> AztkTrigger:
        arguments = {
            "aztk_conn_id": self.aztk_conn_id,
            "poll_interval": self.poll_interval,
            "deadline": execution_deadline(self.execution_timeout, task_try.work.context),
            "cancel_on_kill": self.cancel_on_kill,
            "remote": started.to_json(),
        }
        return task_try.work.trigger(started, arguments)

    def _complete(self, task_try: TaskTry[Any], event: WaitEvent) -> Any:
        work = task_try.work
        started = task_try.started = work.started_type.from_json(event["remote"])
        other = task_try.state.started_other_than(started)
        if other is not None:
            self._defer_again(task_try, other)
        if event["status"] == "timeout":
            task_try.give_up(started, "the task's execution_timeout is over")
            task_try.started = None  # Airflow calls on_kill next
            raise AirflowTaskTimeout(f"{event['message']}: {self.execution_timeout}")
        try:
            result = work.result(started, event)
        except AztkTaskError as error:
            because = work.reason_to_cancel(event, error)
            if because is not None:
                task_try.cancel(started, because)
            task_try.delete_state()
            raise
        except Exception:  # nobody could say what became of it: the next try asks again
            if _is_last_try(work.context):
                task_try.abandon()
            raise
        return task_try.finish(started, result)

    def _defer_again(self, task_try: TaskTry[Any], started: Any) -> NoReturn:
        """Wait again: the event is that of an earlier try, which was cleared before a triggerer had its trigger.

        Airflow gives the event to what waits under the same trigger's number by then, and SQLite uses numbers again.
        """
        text = task_try.work.describe(started)
        self.log.warning("Woken by what an earlier try had waited for; this one goes on to wait for %s", text)
        task_try.started = started
        try:
            with final_errors():
                trigger = self._make_trigger(task_try, started)
        except Exception:
            task_try.abandon()
            raise
        self.defer_to(trigger)


def _is_last_try(context: Context) -> bool:
    ti = context["ti"]
    return bool(ti.try_number > (getattr(ti, "max_tries", 0) or 0))
