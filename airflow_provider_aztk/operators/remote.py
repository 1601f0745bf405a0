"""Operators that start something remote and wait for it: durable, deferrable, cancelled on every kind of end.

The remote id is written to the task's state store *before* the call that uses it, and the result before the task ends,
so that whatever kills the worker, and whenever, the next try finds what there is. A record holds within one generation
only: clearing a task starts anew. Below Airflow 3.3 there is no state store: a retry then starts anew, and what the
lost try had started runs to its end.
"""

from __future__ import annotations

from abc import abstractmethod
from threading import Thread
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_aztk.operators.base import AztkOperator, configuration_errors
from airflow_provider_aztk.utils.settings import default_deferrable

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.triggers.base import AztkTrigger, WaitEvent

__all__ = ["ABSENT", "ALIVE", "FAILED", "REMOTE_KEY", "AztkRemoteOperator", "Remote"]

Remote = dict[str, Any]

REMOTE_KEY = "aztk_remote"  # in the task's state store; a change would lose sight of runs in flight
ABSENT, ALIVE, FAILED = "absent", "alive", "failed"
_KILL_SECONDS = 4.0  # a worker has 5 s from SIGTERM to SIGKILL, whatever the configuration says


class AztkRemoteOperator(AztkOperator):
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
        self._live: Remote | None = None
        self._trigger: AztkTrigger | None = None

    # -- what a concrete operator says ---------------------------------------------------------------------------

    @abstractmethod
    def plan(self, context: Context) -> Remote:
        """Choose the ids of what is about to be started; plain JSON without secrets."""

    @abstractmethod
    def submit(self, client: Client, remote: Remote, context: Context) -> None:
        """Start it under these ids. Called again for the same ids after a crash."""

    @abstractmethod
    def look(self, client: Client, remote: Remote) -> str:
        """Tell whether it is ``ABSENT``, ``ALIVE`` (running or done) or ``FAILED``."""

    @abstractmethod
    def cancel(self, client: Client, remote: Remote) -> None:
        """End it; what does not exist is fine."""

    @abstractmethod
    def make_trigger(self, remote: Remote, context: Context, deadline: float | None) -> AztkTrigger:
        """Make the trigger that waits for it."""

    @abstractmethod
    def complete(self, event: WaitEvent, context: Context) -> Any:
        """Give the task's result, or raise what went wrong."""

    def clean_up(self, remote: Remote) -> None:
        """Take away what nobody needs when the task has its result, or its error."""

    def result(self, remote: Remote) -> Any:
        """Give the task's result where it does not wait."""
        return remote

    def outputs(self, remote: Remote) -> dict[str, str]:
        """Name the XComs that tell other tasks the remote ids, e.g. ``create.output["cluster_id"]``."""
        return {}

    def show(self, client: Client, remote: Remote, context: Context) -> None:
        """Push links, right after the submission."""

    # -- the life of a task --------------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Start it (or find it again), and wait for it."""
        record = self._record(context)
        if record is not None and "result" in record:
            self.log.info("An earlier try had finished already: %s", record["remote"])
            return record["result"]
        with configuration_errors():
            remote = self._start(context)
        if not self.wait_for_completion:
            return self._keep(context, remote, self.result(remote))
        trigger = self.make_trigger(remote, context, self.deadline(context))
        if self.deferrable:
            self.defer_to(trigger)
        self._trigger = trigger
        try:
            event = self.wait_here(trigger)
        except AirflowTaskTimeout:
            if self.cancel_on_kill:
                self._forget(context)  # Airflow calls on_kill next, which cancels
            raise
        except Exception:
            if _is_last_try(context):  # nobody will come back for it
                self._cancel_quietly(remote)
                self._forget(context)
            raise
        return self.execute_complete(context, event)

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Take up the task where the wait has ended."""
        self._live = event["remote"]
        if event["status"] == "timeout":
            self._give_up(context, event["remote"])
            self._live = None  # Airflow calls on_kill next
            raise AirflowTaskTimeout(f"{event['message']}: {self.execution_timeout}")
        try:
            result = self.complete(event, context)
        except Exception:
            self._forget(context)
            self.clean_up(event["remote"])
            raise
        self._keep(context, event["remote"], result)
        self.clean_up(event["remote"])
        return result

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume; where the deferral itself failed or timed out, cancel first: no trigger did."""
        from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout

        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout):
            remote = self._recall(context)
            if remote is not None:
                self._give_up(context, remote)
            raise

    def on_kill(self) -> None:
        """Cancel, within the few seconds that a worker has; asks nothing of Airflow, whose line may be in use."""
        remote = self._live
        if remote is None or not self.cancel_on_kill:
            return
        if self._trigger is not None:
            self._trigger.deadline = 0.0
        # A thread and a client of its own: the main thread may hold a lock of the other client right now.
        thread = Thread(target=self._cancel_quietly, args=(remote,), daemon=True, name="aztk-cancel")
        thread.start()
        thread.join(_KILL_SECONDS)

    # -- helpers -------------------------------------------------------------------------------------------------

    def _start(self, context: Context) -> Remote:
        with self.hook.get_client() as client:
            remote = self._recall(context)
            state = self.look(client, remote) if remote is not None else FAILED
            if remote is not None and state == ALIVE:
                self.log.info("Found again what an earlier try had started: %s", remote)
                self._live = remote
            else:
                if remote is None or state == FAILED:
                    remote = self.plan(context)
                    self._remember(context, remote)
                self._live = remote
                self._submit(client, remote, context)
            self._show_quietly(client, remote, context)
        for key, value in self.outputs(remote).items():
            context["ti"].xcom_push(key=key, value=value)
        return remote

    def _submit(self, client: Client, remote: Remote, context: Context) -> None:
        from airflow_provider_aztk.client import errors

        try:
            self.submit(client, remote, context)
        except (errors.AlreadyExistsError, errors.InvalidConfigurationError, ValueError):
            self._forget(context)  # nothing was made, and what has the id is not ours
            raise
        except Exception:
            self._cancel_quietly(remote)
            self._forget(context)
            raise

    def _show_quietly(self, client: Client, remote: Remote, context: Context) -> None:
        try:
            self.show(client, remote, context)
        except Exception as error:
            self.log.warning("The links of this task cannot be made: %s", error)

    def _give_up(self, context: Context, remote: Remote) -> None:
        if self.cancel_on_kill:
            self._cancel_quietly(remote)
            self._forget(context)  # otherwise it goes on, and the next try goes on waiting for it

    def _cancel_quietly(self, remote: Remote) -> None:
        try:
            with self.hook.get_client() as client:
                self.cancel(client, remote)
            self.log.info("Cancelled: %s", remote)
        except Exception as error:
            self.log.warning("Could not cancel %s: %s", remote, error)

    # -- the state store -----------------------------------------------------------------------------------------

    def _remember(self, context: Context, remote: Remote, **more: Any) -> None:
        store = context.get("task_state_store")
        if store is not None:
            store.set(REMOTE_KEY, {"remote": remote, "generation": _generation(context), **more})

    def _keep(self, context: Context, remote: Remote, result: Any) -> Any:
        """Note the result: Airflow may lose the worker, or its word, even after this."""
        self._remember(context, remote, result=result)
        return result

    def _record(self, context: Context) -> dict[str, Any] | None:
        store = context.get("task_state_store")
        record = store.get(REMOTE_KEY) if store is not None else None
        if not isinstance(record, dict) or record.get("generation") != _generation(context):
            return None
        return record

    def _recall(self, context: Context) -> Remote | None:
        record = self._record(context)
        remote = record.get("remote") if record else None
        return remote if isinstance(remote, dict) else None

    def _forget(self, context: Context) -> None:
        store = context.get("task_state_store")
        if store is not None:
            try:
                store.delete(REMOTE_KEY)
            except Exception as error:
                self.log.warning("The note of the remote id could not be deleted: %s", error)


def _generation(context: Context) -> list[Any]:
    """Tell retries from clears: a clear counts in the DAG run and moves the task's last try, a retry does neither."""
    clears = int(getattr(context["dag_run"], "clear_number", 0) or 0)
    return [clears, int(getattr(context["ti"], "max_tries", 0) or 0)]


def _is_last_try(context: Context) -> bool:
    ti = context["ti"]
    return bool(ti.try_number > (getattr(ti, "max_tries", 0) or 0))
