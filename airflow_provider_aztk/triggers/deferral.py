"""When a trigger may send its event: not before Airflow's scheduler has taken note that the task was deferred.

A worker that defers ends, and its executor reports that as a success. The scheduler fails the task where it reads that
report only after the event has woken the task again (apache/airflow#71580). How long it takes to read it depends on how
busy the machine is, and no fixed time is long enough. Two things tell:

* the task instance's state is ``deferred``, as the triggerer's supervisor says: the deferral is written down;
* the scheduler has gone round since: it reads the reports of its executors once in each round and shows its heartbeat
  after that. When the heartbeat has moved twice, there was a whole round in between. All triggers of a process ask for
  it together, once in a second. Of several schedulers Airflow shows the heartbeat that is the latest, whosever it is:
  there this tells less, and the retry that the documentation advises has to help.

What Airflow does not tell (no API server within reach, an older Airflow) is replaced by a time. A trigger that has
waited for a minute asks nothing: a scheduler that takes that long is not healthy.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MIN_DEFERRAL", "Deferral"]

#: Seconds that a deferral lasts at least.
MIN_DEFERRAL = 5.0
_WORKER_ENDS = 2.0  # seconds that the worker that has deferred takes to end
_WITHOUT_AN_ANSWER = 15.0  # the time that replaces what Airflow does not tell
_LIMIT = 60.0
_PAUSE = 1.0
_QUESTION_TIMEOUT = 10.0
_ROUNDS = 2  # heartbeats after the first one that was seen
_HEALTH = "/api/v2/monitor/health"


class Deferral:
    """The deferral of one task, as its trigger sees it.

    :param ti: the task instance.
    :param began: when the trigger began to run, of :func:`time.monotonic`.
    :param log: where to say what is waited for.
    """

    def __init__(self, ti: Any, began: float, log: Any) -> None:
        self._ti = ti
        self._began = began
        self._log = log
        self._is_noted = False
        self._asks_since: float | None = None  # when the worker had ended, and the deferral was noted
        self._beats: list[str] = []
        self._is_told = False

    async def settled(self) -> None:
        """Wait until the event can do no harm; a minute after the trigger's begin at the latest."""
        if self._age() >= _LIMIT:
            return
        while not await self._is_settled():
            if self._age() >= _LIMIT:
                self._log.warning(
                    "Airflow's scheduler has not taken note of the deferral within %.0f s; the task is woken anyway, "
                    "and may be failed by the scheduler: give it at least one retry (apache/airflow#71580)",
                    _LIMIT,
                )
                return
            if self._age() >= _WITHOUT_AN_ANSWER and not self._is_told:
                self._is_told = True
                self._log.info("The task is woken as soon as Airflow's scheduler has taken note of its deferral")
            await asyncio.sleep(_PAUSE)

    def _age(self) -> float:
        return time.monotonic() - self._began

    async def _is_settled(self) -> bool:
        if not self._is_noted:
            state = await _answer(lambda: _task_state(self._ti))
            self._is_noted = state in (None, "deferred")
        if not self._is_noted or self._age() < _WORKER_ENDS:
            return False
        if self._asks_since is None:
            self._asks_since = time.monotonic()
        asked, beat = await _HEARTBEAT.read()
        if asked < self._asks_since:
            return False  # of a question from before: its beat may have been followed by another one already
        if beat is None:
            return not self._beats and self._age() >= _WITHOUT_AN_ANSWER  # who has answered is only slow
        if beat not in self._beats:
            self._beats.append(beat)
        return len(self._beats) > _ROUNDS and self._age() >= MIN_DEFERRAL


class _Heartbeat:
    """The scheduler's heartbeat, which all triggers of a process ask for in one question at a time."""

    def __init__(self) -> None:
        self._asked = 0.0
        self._answer: asyncio.Task[str | None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def read(self) -> tuple[float, str | None]:
        """Return when the question was sent, and its answer; None where there was none."""
        now, loop = time.monotonic(), asyncio.get_running_loop()
        is_old = self._answer is not None and self._answer.done() and now - self._asked >= _PAUSE
        if self._answer is None or self._loop is not loop or is_old:
            self._asked, self._loop = now, loop
            self._answer = asyncio.create_task(_answer(_scheduler_heartbeat))
        asked, answer = self._asked, self._answer
        return asked, await asyncio.shield(answer)  # one that is cancelled leaves it to the others


_HEARTBEAT = _Heartbeat()


async def _answer(question: Callable[[], Awaitable[str | None]]) -> str | None:
    """Ask Airflow; None where it does not answer, or not in time."""
    try:
        return await asyncio.wait_for(question(), _QUESTION_TIMEOUT)
    except Exception:
        return None


async def _task_state(ti: Any) -> str | None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from asgiref.sync import sync_to_async  # a thread from which the supervisor can be asked

    index = ti.map_index if ti.map_index is not None and ti.map_index >= 0 else None
    states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=index
    )
    found = states.get(ti.run_id) or {}
    state = found.get(ti.task_id if index is None else f"{ti.task_id}_{index}")
    return None if state is None else str(state)


async def _scheduler_heartbeat() -> str | None:
    url = _health_url()
    return await asyncio.to_thread(_read_heartbeat, url) if url else None


def _health_url() -> str | None:
    """Say where the API server tells how the scheduler is; the triggerer knows the server as workers do."""
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    execution = str(conf.get("core", "execution_api_server_url", fallback="") or "").rstrip("/")
    if execution.endswith("/execution"):
        base = execution.removesuffix("/execution")
    return base + _HEALTH if urlsplit(base).scheme in ("http", "https") else None


def _read_heartbeat(url: str) -> str | None:
    import urllib.error
    import urllib.request

    from airflow_provider_aztk.client import is_loopback_url

    no_proxy = [urllib.request.ProxyHandler({})] if is_loopback_url(url) else []
    opener = urllib.request.build_opener(*no_proxy)
    try:
        with opener.open(url, timeout=_QUESTION_TIMEOUT) as answer:
            beat = json.load(answer)["scheduler"]["latest_scheduler_heartbeat"]
    except urllib.error.HTTPError as error:
        error.close()
        return None
    return None if beat is None else str(beat)
