"""One try of a durable task: it starts a work once, finds again what an earlier try started, and cancels it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_aztk.exceptions import AztkTaskError
from airflow_provider_aztk.operators.task_state import Started, TaskState
from airflow_provider_aztk.operators.work import WorkStatus

if TYPE_CHECKING:
    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.operators.work import Work

__all__ = ["TaskTry"]

S = TypeVar("S", bound=Started)


class TaskTry(Generic[S]):
    """Start a work so that it exists once, whenever a process dies.

    The ids are saved *before* the call that uses them. So the next try finds what there is: it goes on with what runs,
    submits again, under the same ids, what is incomplete, and replaces what has failed or has other definitions.

    :param work: what is started.
    :param state: the saved state of the task.
    :param cancel_on_kill: whether what was started is cancelled when the task is ended from outside.
    """

    def __init__(self, work: Work[S], state: TaskState[S], *, cancel_on_kill: bool) -> None:
        self.work = work
        self.state = state
        self.started: S | None = None
        self._cancel_on_kill = cancel_on_kill
        self._could_not_cancel = False
        self._log = work.operator.log

    # -- start ---------------------------------------------------------------------------------------------------

    def start(self) -> S:
        """Start the work, or find it again, and return the ids."""
        with self.work.operator.hook.get_client() as client:
            started = self._find_or_submit(client)
            self._push_links(client, started)
        self._push_outputs(started)
        return started

    def show_again(self, started: S) -> None:
        """Push outputs and links of what an earlier try finished: Airflow drops XComs when a new try begins."""
        self._push_outputs(started)
        with self.work.operator.hook.get_client() as client:
            self._push_links(client, started)

    def _find_or_submit(self, client: Client) -> S:
        found = self.started = self.state.started()
        if found is None:
            return self._submit_new(client)
        status = self.work.status(client, found)
        if status == WorkStatus.STARTED:
            self._log.info("An earlier try has started %s; going on with it", self.work.describe(found))
            return found
        if status == WorkStatus.FAILED:
            self.cancel(found, self.work.failed_reason)
        elif self.work.matches_definitions(found):
            return self._complete_or_replace(client, found)
        else:
            self._replace(found, "an earlier try began other definitions than there are now")
        self.started = None
        return self._submit_new(client)

    def _submit_new(self, client: Client) -> S:
        started = self._plan(client)
        self.started = started
        self._submit(client, started)
        return started

    def _plan(self, client: Client) -> S:
        """Choose new ids and save them; what the task had started before it was cleared is cancelled first."""
        planned = self.work.plan(client)
        cleared = self.state.started_before_clear()
        if cleared is not None and self._cancel_on_kill:
            self.work.cancel_cleared_run(cleared, partial(self.cancel, cleared))
        self.state.save(planned)
        self._could_not_cancel = False  # nothing exists under these ids yet
        return planned

    def _complete_or_replace(self, client: Client, found: S) -> S:
        """Submit again what is incomplete; where it has another definition (the DAG was edited), replace it."""
        from airflow_provider_aztk.client import errors

        try:
            self._submit(client, found, began_earlier=self.work.has_unique_ids)
        except errors.AlreadyExistsError as error:
            if not self.work.has_unique_ids:
                raise
            self._replace(found, f"an earlier try began another definition ({error})")
            return self._submit_new(client)
        return found

    def _replace(self, started: S, because: str) -> None:
        """Cancel what an earlier try has begun, so that something else can take its place.

        :raises AztkTaskError: where that cannot be done now; its ids stay saved, so that the next try can do it.
        """
        if self.work.has_unique_ids and not self.cancel(started, because):
            text = _capital(self.work.describe(started))
            raise AztkTaskError(f"{text} cannot be ended now, and so not replaced: {because}")

    def _submit(self, client: Client, started: S, *, began_earlier: bool = False) -> None:
        """Submit, and cancel what could not be submitted as a whole.

        :param began_earlier: an earlier try of this task may have begun it: what has these ids is not somebody else's.
        """
        from airflow_provider_aztk.client import errors

        try:
            self.work.submit(client, started)
        except Exception as error:
            if began_earlier and isinstance(error, errors.AlreadyExistsError):
                raise
            begun = self.work.begun_before(error, started)
            if begun is not None:
                cancelled = self.cancel(begun, f"it could not be submitted as a whole: {_first_line(error)}")
                if not cancelled and begun != started:
                    self.state.save(begun)  # the next try cancels it, and nothing that another run has made
            self.delete_state()
            self.started = None
            raise

    def _push_outputs(self, started: S) -> None:
        for key, value in self.work.outputs(started).items():
            self.work.context["ti"].xcom_push(key=key, value=value)

    def _push_links(self, client: Client, started: S) -> None:
        try:
            self.work.push_links(client, started)
        except Exception as error:
            self._log.warning("The links of this task cannot be made: %s", error)

    # -- end -----------------------------------------------------------------------------------------------------

    def cancel(self, started: S, because: str) -> bool:
        """Cancel what was started, log it with the reason, and return whether that could be done."""
        try:
            with self.work.operator.hook.get_client() as client:
                cancelled = self.work.cancel(client, started)
        except Exception as error:
            text = _capital(self.work.describe(started))
            self._log.warning("%s cannot be ended (%s): %s", text, because, error)
            self._could_not_cancel = True
            return False
        self._could_not_cancel = False
        if cancelled:
            self._log.info("%s: %s", self.work.describe_cancelled(started, cancelled), because)
        else:
            self._log.info("There was nothing (more) to end of %s: %s", self.work.describe(started), because)
        return True

    def give_up(self, started: S, because: str) -> None:
        """Cancel what was started and delete its saved state; otherwise it goes on, and the next try waits for it."""
        if self._cancel_on_kill and self.cancel(started, because):
            self.state.delete()

    def abandon(self) -> None:
        """Cancel what was started, because no other try comes back for it; a clear still knows what is left."""
        if self.started is not None:
            self.give_up(self.started, "the task has failed, and no other try comes back for it")

    def delete_state(self) -> None:
        """Delete the saved state, unless it names what could not be cancelled: the next try, or a clear, does that."""
        if not self._could_not_cancel:
            self.state.delete()

    def finish(self, started: S, result: Any) -> Any:
        """Save the result and return it, and remove what nobody needs any more."""
        self.state.save_result(started, result)
        self.remove_when_done(started)
        return result

    def remove_when_done(self, started: S) -> None:
        """Remove what nobody needs any more when the task has its result."""
        if self.work.is_removed_when_done:
            self.cancel(started, "it is over, and the task keeps its result")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
