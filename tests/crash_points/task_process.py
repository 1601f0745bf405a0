"""One process of Airflow that works on a task, and is killed at a chosen request.

A worker executes the task, a triggerer runs its trigger, another worker resumes it. What outlives a process is
in files of the task's folder, where Airflow has its database: the task state store, the trigger, its event.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import TaskDeferred
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport

from tests.crash_points.operators import OPERATORS
from tests.support.airflow_home import Context

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EXECUTE", "RESUME", "TRIGGER", "Crash", "run"]

EXECUTE, TRIGGER, RESUME = "execute", "trigger", "resume"


@dataclass(frozen=True)
class Crash:
    """Where a process is killed: before its request number ``request`` (from 1) is sent, or after its answer came."""

    request: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} request {self.request}"


class FileStore(dict[str, Any]):
    """A task state store that outlives its process."""

    def __init__(self, path: Path) -> None:
        super().__init__(json.loads(path.read_text()) if path.exists() else {})
        self._path = path

    def set(self, key: str, value: Any) -> None:
        """Write a value."""
        self[key] = value
        self._save()

    def delete(self, key: str) -> None:
        """Remove a value; one that is missing is fine."""
        self.pop(key, None)
        self._save()

    def _save(self) -> None:
        _write(self._path, dict(self))


class _Requests:
    """Count the requests of both services' clients, sync and async, and kill the process at one of them."""

    def __init__(self, crash: Crash | None) -> None:
        self._crash = crash
        self._lock = threading.Lock()
        self.sent: list[str] = []

    def install(self) -> None:
        """Put the count below everything that sends a request: a retry, too, is a request."""
        sync_send, async_send = RequestsTransport.send, AioHttpTransport.send
        requests = self

        def send(transport: Any, request: Any, **kwargs: Any) -> Any:
            number = requests.begin(request)
            answer = sync_send(transport, request, **kwargs)
            requests.end(number)
            return answer

        async def asend(transport: Any, request: Any, **kwargs: Any) -> Any:
            number = requests.begin(request)
            answer = await async_send(transport, request, **kwargs)
            requests.end(number)
            return answer

        RequestsTransport.send = send  # type: ignore[method-assign]
        AioHttpTransport.send = asend  # type: ignore[method-assign]

    def begin(self, request: Any) -> int:
        """Note a request that is about to be sent."""
        with self._lock:
            self.sent.append(f"{request.method} {request.url.partition('?')[0]}")
            number = len(self.sent)
        self._kill_at(number, after=False)
        return number

    def end(self, number: int) -> None:
        """Note that a request was answered."""
        self._kill_at(number, after=True)

    def _kill_at(self, number: int, *, after: bool) -> None:
        if self._crash == Crash(number, after):
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # the signal may reach another thread first


def run(kind: str, settings: dict[str, Any], try_number: int, crash: Crash | None) -> None:
    """Run one process of the task, and write its result to ``outcome.json``."""
    os.environ["AIRFLOW_CONN_AZTK_DEFAULT"] = settings["connection"]
    folder = Path(settings["folder"])
    requests = _Requests(crash)
    requests.install()
    acts: dict[str, Callable[[], dict[str, Any]]] = {
        EXECUTE: lambda: _work(folder, settings, try_number, None),
        TRIGGER: lambda: _wait(folder),
        RESUME: lambda: _work(folder, settings, try_number, json.loads((folder / "event.json").read_text())),
    }
    try:
        outcome = acts[kind]()
    except Exception as error:
        outcome = {"error": f"{type(error).__name__}: {error}"}
    _write(folder / "outcome.json", {**outcome, "requests": requests.sent})


def _work(folder: Path, settings: dict[str, Any], try_number: int, event: Any) -> dict[str, Any]:
    operator = OPERATORS[settings["operator"]](settings)
    context: Any = Context(try_number=try_number, store=FileStore(folder / "store.json"))  # type: ignore[arg-type]
    try:
        result = operator.execute(context) if event is None else operator.execute_complete(context, event)
    except TaskDeferred as deferred:
        path, kwargs = deferred.trigger.serialize()
        _write(folder / "trigger.json", {"path": path, "kwargs": kwargs})
        return {"deferred": True}
    return {"result": result}


def _wait(folder: Path) -> dict[str, Any]:
    stored = json.loads((folder / "trigger.json").read_text())
    module, _, name = stored["path"].rpartition(".")
    trigger = getattr(import_module(module), name)(**stored["kwargs"])

    async def first() -> Any:
        async for event in trigger.run():
            return event.payload
        raise AssertionError("a trigger without an event")

    _write(folder / "event.json", asyncio.run(first()))
    return {"event": True}


def _write(path: Path, value: Any) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    part.replace(path)
