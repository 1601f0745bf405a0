"""What a task notes in its state store: remote ids before the call that uses them, the result before the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

__all__ = ["REMOTE_KEY", "Remote", "TaskNote"]

Remote = dict[str, Any]

REMOTE_KEY = "aztk_remote"  # in the task's state store; a change would lose sight of runs in flight
_MAX_RESULT = 48 * 1024  # Airflow warns of values above 64 KiB, and the note has ids beside the result


class TaskNote:
    """The note of one task, which all of its tries share; on Airflow 3.2 there is none, and nothing is kept.

    It holds within one generation: what was noted before the task was cleared is of no use but to be ended.

    :param context: the context of the running try.
    :param log: where to say what could not be done.
    """

    def __init__(self, context: Context, log: Any) -> None:
        self._store = context.get("task_state_store")
        self._generation = _generation(context)
        self._log = log

    def write(self, remote: Remote, **more: Any) -> None:
        """Note the remote ids.

        :raises Exception: where that cannot be done: nothing may be started under ids that were not noted.
        """
        if self._store is not None:
            self._store.set(REMOTE_KEY, {"remote": remote, "generation": self._generation, **more})

    def keep(self, remote: Remote, result: Any) -> Any:
        """Note the result, and give it: Airflow may lose the worker, or its word, even after this."""
        more = {"result": result} if len(json.dumps(result)) <= _MAX_RESULT else {}
        try:
            self.write(remote, **more)
        except Exception as error:
            self._log.warning("The result cannot be noted; a retry would have to ask Azure for it: %s", error)
        return result

    def current(self) -> dict[str, Any] | None:
        """Read what this generation has noted: ``remote``, and ``result`` where there is one."""
        record = self._read()
        return record if record is not None and record.get("generation") == self._generation else None

    def remote(self) -> Remote | None:
        """Read the remote ids that this generation has noted."""
        record = self.current()
        return record["remote"] if record else None

    def of_a_cleared_try(self) -> Remote | None:
        """Read the remote ids that were noted before the task was cleared."""
        record = self._read()
        return record["remote"] if record is not None and record.get("generation") != self._generation else None

    def other_than(self, remote: Remote) -> Remote | None:
        """Read the remote ids where they are others than these; None where they are the same, or cannot be read."""
        try:
            noted = self.remote()
        except Exception as error:
            self._log.warning("The note of the remote id cannot be read: %s", error)
            return None
        return noted if noted is not None and _as_json(noted) != _as_json(remote) else None

    def forget(self) -> None:
        """Delete the note."""
        if self._store is None:
            return
        try:
            self._store.delete(REMOTE_KEY)
        except Exception as error:
            self._log.warning("The note of the remote id could not be deleted: %s", error)

    def _read(self) -> dict[str, Any] | None:
        record = self._store.get(REMOTE_KEY) if self._store is not None else None
        return record if isinstance(record, dict) and isinstance(record.get("remote"), dict) else None


def _as_json(remote: Remote) -> Any:
    return json.loads(json.dumps(remote))


def _generation(context: Context) -> list[Any]:
    """Tell retries from clears: a clear counts in the DAG run and moves the task's last try, a retry does neither."""
    clears = int(getattr(context["dag_run"], "clear_number", 0) or 0)
    return [clears, int(getattr(context["ti"], "max_tries", 0) or 0)]
