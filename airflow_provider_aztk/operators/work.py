"""The interface of a work: one kind of thing that durable tasks start on Azure Batch, and how to handle it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from airflow.providers.common.compat.sdk import Context

from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.task_state import Started

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.exceptions import AztkTaskError
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["Work", "WorkStatus", "for_each", "named"]

S = TypeVar("S", bound=Started)


class WorkStatus(StrEnum):
    """What became of something that an earlier try began to submit."""

    #: It does not exist, or not as a whole: submitting it again, under the same ids, completes it.
    INCOMPLETE = "incomplete"
    #: It is running, or has succeeded.
    STARTED = "started"
    FAILED = "failed"


@dataclass(frozen=True)
class Work(ABC, Generic[S]):
    """Something that a task starts on Azure Batch and waits for; operators for one and for several share a class.

    It is made once for a try, out of the operator's rendered fields. Definitions are read, and secrets resolved, once,
    when they are needed first: what only cancels, or goes on waiting, works with definitions that are wrong by now.

    :param operator: the operator, for its connection, its log and its links.
    :param context: the context of the running task.
    """

    operator: AztkOperator
    context: Context

    #: The record of what it starts.
    started_type: ClassVar[type[Started]]
    #: Why something with the status FAILED is cancelled, for the log.
    failed_reason: ClassVar[str] = "an earlier try had submitted it, and it did not succeed"

    @property
    def has_unique_ids(self) -> bool:
        """Whether nothing but this task can use its ids."""
        return True

    @property
    def is_removed_when_done(self) -> bool:
        """Whether nobody needs it any more when the task has its result."""
        return False

    # -- start it ------------------------------------------------------------------------------------------------

    @abstractmethod
    def plan(self, client: Client) -> S:
        """Return the ids of what is about to be started; changes nothing on Azure.

        :raises ValueError: for definitions that are wrong.
        """

    @abstractmethod
    def submit(self, client: Client, started: S) -> None:
        """Start it under these ids; after a crash this is called again for the same ids."""

    @abstractmethod
    def matches_definitions(self, started: S) -> bool:
        """Return whether what an earlier try began has the definitions of now: the DAG may have been edited."""

    def begun_before(self, error: Exception, started: S) -> S | None:
        """Return what a submission may have started before this error, or None where it was refused as a whole."""
        from airflow_provider_aztk.client import errors

        refused = isinstance(error, errors.AlreadyExistsError | errors.NotFoundError | ValueError)
        return None if refused else started

    # -- handle what was started ---------------------------------------------------------------------------------

    @abstractmethod
    def status(self, client: Client, started: S) -> WorkStatus:
        """Return what became of it."""

    @abstractmethod
    def cancel(self, client: Client, started: S) -> list[str]:
        """Cancel it, and return the ids of what was there to be cancelled."""

    def cancel_cleared_run(self, started: S, cancel: Callable[[str], object]) -> None:
        """Cancel what the task had started before it was cleared: nobody waits for it any more.

        :param cancel: cancels it as a whole, given the reason for the log.
        """
        cancel("the task was cleared, and this is of its earlier run")

    @abstractmethod
    def describe(self, started: S) -> str:
        """Return what it is called in a sentence of the log, e.g. ``cluster pi-t1``."""

    @abstractmethod
    def describe_cancelled(self, started: S, ids: Sequence[str]) -> str:
        """Return what :meth:`cancel` has done with these ids, as the beginning of a sentence: ``Job x deleted``."""

    @abstractmethod
    def outputs(self, started: S) -> dict[str, str]:
        """Return the XComs by which other tasks get the ids, e.g. ``create.output["cluster_id"]``."""

    @abstractmethod
    def push_links(self, client: Client, started: S) -> None:
        """Show the links in the UI, right after the submission."""

    # -- wait for it ---------------------------------------------------------------------------------------------

    @abstractmethod
    def trigger(self, started: S, arguments: dict[str, Any]) -> AztkTrigger:
        """Return the trigger that waits for it.

        :param arguments: those that all triggers of operators have.
        """

    def prepare_deferral(self, trigger: AztkTrigger) -> None:
        """Write what the trigger is going to read."""

    @abstractmethod
    def unfinished_result(self, started: S) -> Any:
        """Return the task's result where it does not wait."""

    @abstractmethod
    def result(self, started: S, event: WaitEvent) -> Any:
        """Return the task's result.

        :raises AztkTaskError: where the work did not succeed.
        """

    def reason_to_cancel(self, event: WaitEvent, error: AztkTaskError) -> str | None:
        """Return why the work is to be cancelled when :meth:`result` has raised this, or None where it is not."""
        return None


def for_each(action: Callable[[str], object], names: Sequence[str]) -> list[str]:
    """Do something for each of some names, side by side; all are tried, and one that does not exist is done.

    :param action: what to do; False means that there was nothing to do.
    :return: the names for which something was done.
    :raises Exception: the first that failed, with the others as notes.
    """
    from airflow_provider_aztk import concurrency
    from airflow_provider_aztk.client import errors

    def one(name: str) -> bool:
        try:
            return action(name) is not False
        except errors.NotFoundError:
            return False

    results = concurrency.for_each(one, names)
    return [name for name, done in zip(names, results, strict=True) if done]


def named(kind: str, ids: Sequence[str]) -> str:
    """Return ids with their kind before them: ``cluster a``, ``clusters a, b``."""
    return f"{kind}{'s' if len(ids) > 1 else ''} {', '.join(ids)}"
