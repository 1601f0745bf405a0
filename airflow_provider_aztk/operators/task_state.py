"""What a durable task saves in Airflow's task-state store: ids before they are used, results before it ends."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

__all__ = ["TASK_STATE_KEY", "Started", "TaskState"]

TASK_STATE_KEY = "aztk_remote"  # a change would lose sight of runs in flight
_MAX_RESULT = 48 * 1024  # Airflow warns of values above 64 KiB, and the record has ids beside the result


@dataclass(frozen=True)
class Started:
    """The ids of what a task has started on Azure Batch, or is about to start: plain JSON without secrets."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as it is saved, and as a trigger carries it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read a record that :meth:`to_json` wrote."""
        return cls(**data)


S = TypeVar("S", bound=Started)


class TaskState(Generic[S]):
    """The saved state of one task, which all of its tries share; Airflow 3.2 has no store, and nothing is saved there.

    It holds within one generation: what was saved before the task was cleared is only there to be cancelled.

    :param context: the context of the running try.
    :param started_type: the kind of record that the task saves.
    :param log: where to report what could not be done.
    """

    def __init__(self, context: Context, started_type: type[S], log: Any) -> None:
        self._store = context.get("task_state_store")
        self._generation = _generation(context)
        self._started_type = started_type
        self._log = log

    def save(self, started: S, **more: Any) -> None:
        """Save the ids of what is about to be started.

        :raises Exception: where that cannot be done: nothing may be started under ids that were not saved.
        """
        if self._store is not None:
            self._store.set(TASK_STATE_KEY, {"remote": started.to_json(), "generation": self._generation, **more})

    def save_result(self, started: S, result: Any) -> Any:
        """Save the result and return it: Airflow may lose the worker, or its answer, even after this."""
        more = {"result": result} if len(json.dumps(result)) <= _MAX_RESULT else {}
        try:
            self.save(started, **more)
        except Exception as error:
            self._log.warning("The result cannot be saved; a retry would have to ask Azure for it: %s", error)
        return result

    def finished(self) -> tuple[S, Any] | None:
        """Return what this generation has started, with its result; None where the task was not finished."""
        record = self._read(of_earlier_run=False)
        if record is None or "result" not in record:
            return None
        return self._started_type.from_json(record["remote"]), record["result"]

    def started(self) -> S | None:
        """Return what this generation has started."""
        record = self._read(of_earlier_run=False)
        return self._started_type.from_json(record["remote"]) if record else None

    def started_before_clear(self) -> S | None:
        """Return what was started before the task was cleared."""
        record = self._read(of_earlier_run=True)
        return self._started_type.from_json(record["remote"]) if record else None

    def started_other_than(self, started: S) -> S | None:
        """Return what this generation has started where that is something else; None as well where nobody can tell."""
        try:
            saved = self.started()
        except Exception as error:
            self._log.warning("The saved state of the task cannot be read: %s", error)
            return None
        return saved if saved != started else None

    def delete(self) -> None:
        """Delete the saved state."""
        if self._store is None:
            return
        try:
            self._store.delete(TASK_STATE_KEY)
        except Exception as error:
            self._log.warning("The saved state of the task cannot be deleted: %s", error)

    def _read(self, *, of_earlier_run: bool) -> dict[str, Any] | None:
        record = self._store.get(TASK_STATE_KEY) if self._store is not None else None
        if not isinstance(record, dict) or not isinstance(record.get("remote"), dict):
            return None
        return record if (record.get("generation") != self._generation) is of_earlier_run else None


def _generation(context: Context) -> list[Any]:
    """Return what a clear changes and a retry does not: the DAG run's count of clears, and the task's last try."""
    clears = int(getattr(context["dag_run"], "clear_number", 0) or 0)
    return [clears, int(getattr(context["ti"], "max_tries", 0) or 0)]
