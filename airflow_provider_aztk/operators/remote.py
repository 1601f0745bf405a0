"""Operators that start something remote and wait for it: durable, deferrable, cancelled on every kind of end.

The remote id is written to the task's state store *before* the call that uses it, and the result before the task ends,
so that whatever kills the worker, and whenever, the next try finds what there is. A record holds within one generation
only: clearing a task starts anew. On Airflow 3.2 there is no state store: a retry then starts anew, and what the
lost try had started runs to its end.
"""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_aztk.exceptions import AztkTaskError, final_errors
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.note import Remote, TaskNote
from airflow_provider_aztk.settings import default_deferrable
from airflow_provider_aztk.timing import execution_deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["ABSENT", "ALIVE", "FAILED", "AztkRemoteOperator", "Remote", "each", "named"]

ABSENT, ALIVE, FAILED = "absent", "alive", "failed"
_SIDE_BY_SIDE = 8
_DONE = "it is over, and the task keeps its result"
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
        self._is_left = False  # what was to be ended last could not be
        self._trigger: AztkTrigger | None = None

    # -- what a concrete operator says ---------------------------------------------------------------------------

    @abstractmethod
    def plan(self, client: Client, context: Context) -> Remote:
        """Choose the ids of what is about to be started; plain JSON without secrets. Changes nothing on Azure."""

    @abstractmethod
    def submit(self, client: Client, remote: Remote, context: Context) -> None:
        """Start it under these ids. Called again for the same ids after a crash."""

    @abstractmethod
    def look(self, client: Client, remote: Remote) -> str:
        """Tell whether it is ``ABSENT``, ``ALIVE`` (running or done) or ``FAILED``."""

    @abstractmethod
    def cancel(self, client: Client, remote: Remote) -> list[str]:
        """End it, and return the ids of what was there to be ended."""

    @abstractmethod
    def describe(self, remote: Remote) -> str:
        """Return what it is called in a sentence of the log, e.g. ``cluster pi-t1``."""

    @abstractmethod
    def cancelled(self, remote: Remote, ids: Sequence[str]) -> str:
        """Return what :meth:`cancel` has done with these ids, as the beginning of a sentence: ``Job x deleted``."""

    @abstractmethod
    def make_trigger(self, remote: Remote, context: Context, deadline: float | None) -> AztkTrigger:
        """Make the trigger that waits for it."""

    @abstractmethod
    def complete(self, event: WaitEvent, context: Context) -> Any:
        """Give the task's result, or raise what went wrong."""

    def supersede(self, remote: Remote) -> None:
        """End what the task had started before it was cleared: nobody waits for it any more."""
        if self.cancel_on_kill:
            self._cancel_quietly(remote, "the task was cleared, and this is of its earlier run")

    def clean_up(self, remote: Remote, because: str) -> None:
        """Take away what nobody needs when the task has its result, or its error.

        :param because: why, for the log.
        """

    def result(self, remote: Remote) -> Any:
        """Give the task's result where it does not wait."""
        return remote

    def outputs(self, remote: Remote) -> dict[str, str]:
        """Name the XComs that tell other tasks the remote ids, e.g. ``create.output["cluster_id"]``."""
        return {}

    def is_several(self, remote: Remote) -> bool:
        """Tell whether one of several may have been made where another one was refused."""
        return False

    def owns(self, remote: Remote) -> bool:
        """Return whether these ids are this task's own, so that nobody else can have made what has them."""
        return True

    def fits(self, remote: Remote, context: Context) -> bool:
        """Return whether the noted ids are as many as there are definitions: the DAG may have been edited since."""
        return True

    def show(self, client: Client, remote: Remote, context: Context) -> None:
        """Push links, right after the submission."""

    def before_deferral(self, trigger: AztkTrigger, context: Context) -> None:
        """Leave what the trigger is going to look for."""

    # -- the life of a task --------------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Start it (or find it again), and wait for it."""
        self.links_are_known = True
        record = self._note(context).current()
        if record is not None and "result" in record:
            return self._finish_again(context, record)
        try:
            with final_errors(self.hook):
                remote = self._start(context)
                if not self.wait_for_completion:
                    return self._note(context).keep(remote, self.result(remote))
                trigger = self.make_trigger(remote, context, execution_deadline(self.execution_timeout, context))
            if self.deferrable:
                self.before_deferral(trigger, context)
                self.defer_to(trigger)
            self._trigger = trigger
            event = trigger.wait_in_worker(hook=self.hook, on_link=partial(self.push_link, context))
        except AirflowTaskTimeout:
            if self.cancel_on_kill:
                self._note(context).forget()  # Airflow calls on_kill next, which cancels
            raise
        except Exception as error:
            if _is_last_try(context) or isinstance(error, AirflowFailException):
                self._abandon(context)
            raise
        return self.execute_complete(context, event)

    def _finish_again(self, context: Context, record: dict[str, Any]) -> Any:
        """Do what an earlier try may not have come to after it had noted its result."""
        remote = record["remote"]
        self.log.info("An earlier try had finished already, with %s; its result is given again", self.describe(remote))
        self._push_outputs(context, remote)  # Airflow drops a task's XComs, links too, when a new try begins
        with self.hook.get_client() as client:
            self._show_quietly(client, remote, context)
        if self.wait_for_completion:
            self.clean_up(remote, _DONE)
        return record["result"]

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Take up the task where the wait has ended."""
        self._live = event["remote"]
        remote = self._note(context).other_than(event["remote"])
        if remote is not None:
            self._wait_on(remote, context)
        if event["status"] == "timeout":
            self._give_up(context, event["remote"], "the task's execution_timeout is over")
            self._live = None  # Airflow calls on_kill next
            raise AirflowTaskTimeout(f"{event['message']}: {self.execution_timeout}")
        try:
            result = self.complete(event, context)
        except AztkTaskError:
            self.clean_up(event["remote"], "it is over, and did not succeed")
            self._forget(context)
            raise
        except Exception:  # nobody could say what became of it: the next try looks again
            if _is_last_try(context):
                self._abandon(context)
            raise
        self._note(context).keep(event["remote"], result)
        self.clean_up(event["remote"], _DONE)
        return result

    def _wait_on(self, remote: Remote, context: Context) -> NoReturn:
        """Defer again: the event is that of an earlier try, which was cleared before a triggerer had its trigger.

        Airflow gives the event to what waits under the same trigger's number by then, and SQLite uses numbers again.
        """
        self.log.warning(
            "Woken by what an earlier try had waited for; this one goes on to wait for %s", self.describe(remote)
        )
        self._live = remote
        try:
            with final_errors():
                trigger = self.make_trigger(remote, context, execution_deadline(self.execution_timeout, context))
        except Exception:
            self._abandon(context)
            raise
        self.defer_to(trigger)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume; where the deferral itself failed or timed out, cancel first: no trigger did."""
        from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout

        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout) as error:
            remote = self._note(context).remote()
            if remote is not None:
                late = isinstance(error, TaskDeferralTimeout)
                because = "the time for the deferral is over" if late else "the task's trigger has failed"
                self._give_up(context, remote, because)
            raise

    def on_kill(self) -> None:
        """Cancel, within the few seconds that a worker has; asks nothing of Airflow, whose line may be in use."""
        remote = self._live
        if remote is None or not self.cancel_on_kill:
            return
        if self._trigger is not None:
            self._trigger.end_wait()
        # A thread and a client of its own: the main thread may hold a lock of the other client right now.
        thread = Thread(
            target=self._cancel_quietly, args=(remote, "the task was ended"), daemon=True, name="aztk-cancel"
        )
        thread.start()
        thread.join(_KILL_SECONDS)

    @property
    def batch_limit(self) -> timedelta | None:
        """How long Azure Batch lets it run: as long as the task may take, for a lost worker can cancel nothing."""
        return self.execution_timeout if self.cancel_on_kill else None

    # -- helpers -------------------------------------------------------------------------------------------------

    def _note(self, context: Context) -> TaskNote:
        return TaskNote(context, self.log)

    def _start(self, context: Context) -> Remote:
        with self.hook.get_client() as client:
            remote = self._live = self._note(context).remote()
            state = self.look(client, remote) if remote is not None else FAILED
            if remote is not None and state == ABSENT and not self.fits(remote, context):
                self._replace(remote, "an earlier try began other definitions than there are now")
                state = FAILED
            if remote is not None and state == ALIVE:
                self.log.info("An earlier try has started %s; going on with it", self.describe(remote))
            else:
                half_made = remote if state == ABSENT else None
                if remote is None or state == FAILED:
                    self._live = None
                    remote = self._plan(client, context)
                remote = self._submit_or_replace(client, remote, half_made, context)
            self._show_quietly(client, remote, context)
        self._push_outputs(context, remote)
        return remote

    def _plan(self, client: Client, context: Context) -> Remote:
        """Choose new ids and note them; what a cleared try had started is ended first."""
        remote = self.plan(client, context)
        superseded = self._note(context).of_a_cleared_try()
        if superseded is not None:
            self.supersede(superseded)
        self._note(context).write(remote)
        self._is_left = False  # of these ids nothing is there yet
        return remote

    def _push_outputs(self, context: Context, remote: Remote) -> None:
        for key, value in self.outputs(remote).items():
            context["ti"].xcom_push(key=key, value=value)

    def _submit_or_replace(self, client: Client, remote: Remote, half_made: Remote | None, context: Context) -> Remote:
        """Submit; where an earlier try half made it by another definition (the DAG was edited), replace that.

        :param half_made: the ids of what an earlier try of this task may have begun, or None.
        """
        from airflow_provider_aztk.client import errors

        self._live = remote
        is_mine = half_made is not None and self.owns(half_made)
        try:
            self._submit(client, remote, context, is_mine=is_mine)
        except errors.AlreadyExistsError as error:
            if not is_mine:
                raise
            self._replace(remote, f"an earlier try began another definition ({error})")
            remote = self._live = self._plan(client, context)
            self._submit(client, remote, context)
        return remote

    def _replace(self, remote: Remote, because: str) -> None:
        """End what an earlier try has begun, so that something else can take its place.

        :raises AztkTaskError: where that cannot be done now; its note stays, so that the next try can do it.
        """
        if self.owns(remote) and not self._cancel_quietly(remote, because):
            raise AztkTaskError(
                f"{_capital(self.describe(remote))} cannot be ended now, and so not replaced: {because}"
            )

    def _submit(self, client: Client, remote: Remote, context: Context, *, is_mine: bool = False) -> None:
        """Submit, and take back what could not be submitted as a whole.

        :param is_mine: an earlier try of this task may have begun it; what has its ids is not somebody else's.
        """
        from airflow_provider_aztk.client import errors

        try:
            self.submit(client, remote, context)
        except Exception as error:
            if is_mine and isinstance(error, errors.AlreadyExistsError):
                raise
            refused = isinstance(error, errors.AlreadyExistsError | errors.NotFoundError | ValueError)
            if not refused or self.is_several(remote):  # the refusal of one says nothing of the others
                self._cancel_quietly(remote, f"it could not be submitted as a whole: {_first_line(error)}")
            self._forget(context)
            self._live = None
            raise

    def _show_quietly(self, client: Client, remote: Remote, context: Context) -> None:
        try:
            self.show(client, remote, context)
        except Exception as error:
            self.log.warning("The links of this task cannot be made: %s", error)

    def _give_up(self, context: Context, remote: Remote, because: str) -> None:
        if self.cancel_on_kill and self._cancel_quietly(remote, because):
            self._note(context).forget()  # otherwise it goes on, and the next try goes on waiting for it

    def _abandon(self, context: Context) -> None:
        """End what was started, because nobody will come back for it."""
        remote = self._live
        if remote is None or not self.cancel_on_kill:
            return
        if self._cancel_quietly(remote, "the task has failed, and no other try comes back for it"):
            self._note(context).forget()  # else a clear of the task still knows what is to be ended

    def _forget(self, context: Context) -> None:
        """Drop the note, unless what it names could not be ended: then the next try, or a clear, does that."""
        if not self._is_left:
            self._note(context).forget()

    def _cancel_quietly(self, remote: Remote, because: str) -> bool:
        """End it, say so in a sentence, and return whether that could be done."""
        try:
            with self.hook.get_client() as client:
                ended = self.cancel(client, remote)
        except Exception as error:
            self.log.warning("%s cannot be ended (%s): %s", _capital(self.describe(remote)), because, error)
            self._is_left = True
            return False
        self._is_left = False
        if ended:
            self.log.info("%s: %s", self.cancelled(remote, ended), because)
        else:
            self.log.info("There was nothing (more) to end of %s: %s", self.describe(remote), because)
        return True


def named(kind: str, ids: Sequence[str]) -> str:
    """Return ids with what they are: ``cluster a``, ``clusters a, b``."""
    return f"{kind}{'s' if len(ids) > 1 else ''} {', '.join(ids)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def each(action: Callable[[str], object], names: Sequence[str]) -> list[str]:
    """Do the same to several, side by side; all are tried, and what does not exist is fine.

    :param action: what to do; False means that there was nothing to do.
    :return: the names of those that something was done to.
    :raises Exception: the first that failed.
    """
    from airflow_provider_aztk.client import errors

    def one(name: str) -> Exception | bool:
        try:
            return action(name) is not False
        except errors.NotFoundError:
            return False
        except Exception as error:
            return error

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        results = list(pool.map(one, names))
    failed = [result for result in results if isinstance(result, Exception)]
    if failed:
        raise failed[0]
    return [name for name, done in zip(names, results, strict=True) if done]


def _is_last_try(context: Context) -> bool:
    ti = context["ti"]
    return bool(ti.try_number > (getattr(ti, "max_tries", 0) or 0))
