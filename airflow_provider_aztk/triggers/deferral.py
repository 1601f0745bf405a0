"""When a trigger may send its event: not before Airflow's scheduler has registered that the task was deferred.

A worker that defers ends, and its executor reports that as a success. The scheduler fails the task if it reads that
report only after the event has woken the task again (apache/airflow#71580). How long it takes to read it depends on how
busy the machine is, and no fixed time is long enough. Two facts show that it has read the report:

* The task instance's state is ``deferred``, according to the triggerer's supervisor: the deferral is stored.
* The scheduler has completed a loop since: it reads the reports of its executors once in each loop and shows its
  heartbeat after that. When the heartbeat has changed twice, there was a whole loop in between. All triggers of a
  process read it together, once in a second. Of several schedulers Airflow shows the latest heartbeat of any: there
  this proves less, and the retry that the documentation advises has to help.

Where Airflow does not answer (no API server within reach, an older Airflow), a fixed time replaces the answer. A
trigger that has waited for a minute does not ask: a scheduler that takes that long is not healthy.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Deferral", "DeferralTimes", "SchedulerHeartbeat", "health_url"]

_LOOPS = 2  # heartbeats after the first one that was seen
_HEALTH = "/api/v2/monitor/health"


@dataclass(frozen=True)
class DeferralTimes:
    """Seconds.

    :param minimum: that a deferral lasts at least.
    :param worker_end: that the worker that has deferred takes to end.
    :param without_answer: that replace what Airflow does not answer.
    :param limit: after which the event is sent in any case.
    :param pause: between two questions.
    :param question_timeout: for one question.
    """

    minimum: float = 5.0
    worker_end: float = 2.0
    without_answer: float = 15.0
    limit: float = 60.0
    pause: float = 1.0
    question_timeout: float = 10.0


class SchedulerHeartbeat:
    """The scheduler's heartbeat, which all triggers of a process read together, one request at a time."""

    def __init__(self) -> None:
        self._asked_at = 0.0
        self._answer: asyncio.Task[str | None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def read(self, times: DeferralTimes) -> tuple[float, str | None]:
        """Return when the request was sent, and the heartbeat; None where there was no answer."""
        now, loop = time.monotonic(), asyncio.get_running_loop()
        is_old = self._answer is not None and self._answer.done() and now - self._asked_at >= times.pause
        if self._answer is None or self._loop is not loop or is_old:
            self._asked_at, self._loop = now, loop
            self._answer = asyncio.create_task(_answer(lambda: _scheduler_heartbeat(times), times))
        asked_at, answer = self._asked_at, self._answer
        return asked_at, await asyncio.shield(answer)  # the others still need it if one of them is cancelled


class Deferral:
    """The deferral of one task, as its trigger sees it.

    :param ti: the task instance.
    :param started_at: when the trigger began to run, of :func:`time.monotonic`.
    :param log: where it is logged that the event is held back.
    """

    times: ClassVar[DeferralTimes] = DeferralTimes()
    heartbeat: ClassVar[SchedulerHeartbeat] = SchedulerHeartbeat()

    def __init__(self, ti: Any, started_at: float, log: Any) -> None:
        self._ti = ti
        self._started_at = started_at
        self._log = log
        self._is_stored = False
        self._worker_ended_at: float | None = None  # when the worker had ended, and the deferral was stored
        self.heartbeats: list[str] = []  # of the scheduler, after the deferral was stored
        self._is_logged = False

    async def wait_until_registered(self) -> None:
        """Wait until the event can do no harm; a minute after the trigger's start at the latest."""
        if self._age() >= self.times.limit:
            return
        while not await self.is_registered():
            if self._age() >= self.times.limit:
                self._log.warning(
                    "Airflow's scheduler has not registered the deferral within %.0f s; the task is woken anyway, "
                    "and may be failed by the scheduler: give it at least one retry (apache/airflow#71580)",
                    self.times.limit,
                )
                return
            if self._age() >= self.times.without_answer and not self._is_logged:
                self._is_logged = True
                self._log.info("The task is woken as soon as Airflow's scheduler has registered its deferral")
            await asyncio.sleep(self.times.pause)

    def _age(self) -> float:
        return time.monotonic() - self._started_at

    async def is_registered(self) -> bool:
        """Ask Airflow once, and return whether the scheduler has registered the deferral for certain."""
        if not self._is_stored:
            state = await _answer(lambda: _task_state(self._ti), self.times)
            self._is_stored = state in (None, "deferred")
        if not self._is_stored or self._age() < self.times.worker_end:
            return False
        if self._worker_ended_at is None:
            self._worker_ended_at = time.monotonic()
        asked_at, beat = await self.heartbeat.read(self.times)
        if asked_at < self._worker_ended_at:
            return False  # an answer from before: another heartbeat may have followed it already
        if beat is None:
            # A scheduler that has answered before is only slow.
            return not self.heartbeats and self._age() >= self.times.without_answer
        if beat not in self.heartbeats:
            self.heartbeats.append(beat)
        return len(self.heartbeats) > _LOOPS and self._age() >= self.times.minimum


async def _answer(question: Callable[[], Awaitable[str | None]], times: DeferralTimes) -> str | None:
    """Ask Airflow; None where it does not answer, or not in time."""
    try:
        return await asyncio.wait_for(question(), times.question_timeout)
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


async def _scheduler_heartbeat(times: DeferralTimes) -> str | None:
    url = health_url()
    return await asyncio.to_thread(_read_heartbeat, url, times.question_timeout) if url else None


def health_url() -> str | None:
    """Return the URL at which the API server shows the scheduler's heartbeat; None where it is not configured.

    Triggerers know the server by ``[core] execution_api_server_url``, as workers do; else ``[api] base_url`` is used.
    """
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    execution = str(conf.get("core", "execution_api_server_url", fallback="") or "").rstrip("/")
    if execution.endswith("/execution"):
        base = execution.removesuffix("/execution")
    return base + _HEALTH if urlsplit(base).scheme in ("http", "https") else None


def _read_heartbeat(url: str, timeout: float) -> str | None:
    import urllib.error
    import urllib.request

    from airflow_provider_aztk.client import is_loopback_url

    no_proxy = [urllib.request.ProxyHandler({})] if is_loopback_url(url) else []
    opener = urllib.request.build_opener(*no_proxy)
    try:
        with opener.open(url, timeout=timeout) as answer:
            beat = json.load(answer)["scheduler"]["latest_scheduler_heartbeat"]
    except urllib.error.HTTPError as error:
        error.close()
        return None
    return None if beat is None else str(beat)
