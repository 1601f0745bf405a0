"""Kill the processes of a task at each of their requests, and check what the next tries make of it."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import Client, models
from tests.client.live.conftest import secrets_of
from tests.crash_points import operators, task_process
from tests.crash_points.task_process import EXECUTE, RESUME, TRIGGER, Crash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.local.testing import LocalStack

__all__ = ["CrashPoints", "Report"]

PROCESS_SECONDS = 60.0
MAX_PROCESSES = 6
READY = {"timeout": 90, "poll_interval": 0.5}
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.crash_points.task_process"])


@dataclass(frozen=True)
class CrashPoint:
    """Where one process of a task is killed: in its ``process`` (from 0), at a request."""

    process: int
    crash: Crash

    def __str__(self) -> str:
        return f"process {self.process + 1}, {self.crash}"


@dataclass
class History:
    """The result of one task.

    :param processes: the kind of each process, in order.
    :param requests: how many requests each of them sent.
    """

    result: Any = None
    error: str | None = None
    processes: list[str] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    killed: bool = False


@dataclass
class Report:
    """The results of all crash points of one operator."""

    operator: str
    deferrable: bool
    requests: int
    points: int
    failed: dict[str, str]

    def __str__(self) -> str:
        how = "deferred" if self.deferrable else "in the worker"
        row = f"{self.operator:<20} {how:<14} {self.requests:>8} {self.points:>12} {len(self.failed):>6}"
        return "\n".join([row, *(f"    {point}: {why}" for point, why in self.failed.items())])

    @staticmethod
    def heading() -> str:
        """Return the heading of the table."""
        return f"{'operator':<20} {'waits':<14} {'requests':>8} {'crash points':>12} {'failed':>6}"


class CrashPoints:
    """All crash points of the operators, against one local stack.

    :param side_by_side: how many tasks run at once.
    """

    def __init__(self, stack: LocalStack, side_by_side: int = 4) -> None:
        self._stack = stack
        self._side_by_side = side_by_side
        self._numbers = itertools.count(1)
        self._client = Client(secrets_of(stack))
        self._root = Path(tempfile.mkdtemp(prefix="aztk-crash-points-"))
        self._shared: str | None = None
        self._program = self._root / "program.py"
        self._program.write_text(operators.PROGRAM, encoding="utf-8")

    def run(self, operator: str, *, deferrable: bool, choose: Callable[[list[CrashPoint]], list[CrashPoint]]) -> Report:
        """Run an operator once without a crash, then once for each chosen point.

        :param choose: which of all points, in the order of the requests.
        """
        unharmed, why = self._try(operator, deferrable, None)
        if why:
            return Report(operator, deferrable, sum(unharmed.requests), 0, {"unharmed": why})
        chosen = choose(list(_points(unharmed.requests)))
        with ThreadPoolExecutor(self._side_by_side) as pool:
            found = list(pool.map(lambda point: self._try(operator, deferrable, point), chosen))
        failed = {str(point): why for point, (_, why) in zip(chosen, found, strict=True) if why}
        return Report(operator, deferrable, sum(unharmed.requests), len(chosen), failed)

    def close(self) -> None:
        """Delete what the points shared, and check that nothing is left in the two accounts.

        :raises AssertionError: naming what is left.
        """
        if self._shared:
            self._client.delete_cluster(self._shared, wait=True)
        end = time.monotonic() + 60
        while left := self._left():
            assert time.monotonic() < end, f"left in the account: {left}"
            time.sleep(0.5)
        self._client.close()

    def _left(self) -> list[str]:
        state = self._stack.admin.state()
        found = [f"{state[what]} {what}" for what in ("pools", "jobs", "processes") if state[what]]
        return found + [f"container {name}" for name in containers(self._stack)]

    def _try(self, operator: str, deferrable: bool, point: CrashPoint | None) -> tuple[History, str | None]:
        task = _Task(self, operator, deferrable)
        try:
            task.prepare()
            history = task.play(point)
            return history, task.verdict(history)
        except Exception as error:  # the other points are reported all the same
            return History(), f"{type(error).__name__}: {error}"
        finally:
            task.clean_up()

    # -- used by tasks

    @property
    def stack(self) -> LocalStack:
        """The local stack."""
        return self._stack

    @property
    def client(self) -> Client:
        """A client of its account."""
        return self._client

    def settings(self, operator: str, deferrable: bool) -> dict[str, Any]:
        """Return the settings of a new task, with a folder of its own."""
        number = next(self._numbers)
        folder = self._root / f"{number}"
        folder.mkdir()
        return {
            "id": f"c{number}",
            "operator": operator,
            "deferrable": deferrable,
            "folder": str(folder),
            "program": str(self._program),
            "runs": str(folder / "runs.txt"),
            "connection": self._stack.airflow_conn,
            "cluster_id": self._shared,
        }

    def share_cluster(self) -> None:
        """Create the cluster that applications are submitted to, unless it is there."""
        if self._shared is None:
            conf = models.ClusterConfiguration(cluster_id="shared", vm_count=2)
            self._client.create_cluster(conf, wait=True, **READY)
            self._shared = conf.cluster_id


def _points(requests: list[int]) -> Iterator[CrashPoint]:
    for process, count in enumerate(requests):
        for request in range(1, count + 1):
            for after in (False, True):
                yield CrashPoint(process, Crash(request, after))


def containers(stack: LocalStack) -> list[str]:
    """List the blob containers of the account."""
    from azure.storage.blob import BlobServiceClient

    credential = {"account_name": str(stack.blob_account), "account_key": str(stack.blob_key)}
    with BlobServiceClient(str(stack.blob_endpoint), credential=credential) as service:
        return [str(container.name) for container in service.list_containers()]


class _Task:
    """One task of Airflow, from its first process to its end."""

    def __init__(self, points: CrashPoints, operator: str, deferrable: bool) -> None:
        self._points = points
        if operator in (operators.SUBMIT, operators.SUBMIT_SEVERAL):
            points.share_cluster()
        self._settings = points.settings(operator, deferrable)
        self._operator = operator
        self._folder = Path(self._settings["folder"])

    def prepare(self) -> None:
        """Make what the operator is to delete."""
        id, client = self._settings["id"], self._points.client
        if self._operator == operators.DELETE_CLUSTER:
            client.create_cluster(models.ClusterConfiguration(cluster_id=id, vm_count=1))
        elif self._operator == operators.DELETE_JOB:
            app = models.ApplicationConfiguration(name="a", application=self._settings["program"])
            client.submit_job(models.JobConfiguration(id, [app], max_dedicated_nodes=1))

    def play(self, point: CrashPoint | None) -> History:
        """Run process after process, as Airflow would; kill one of them at the point."""
        history = History()
        kind, try_number = EXECUTE, 1
        for number in range(MAX_PROCESSES):
            crash = point.crash if point is not None and point.process == number else None
            outcome = self._run_process(kind, try_number, crash)
            history.processes.append(kind)
            history.requests.append(len(outcome.get("requests") or ()))
            if "killed" in outcome:
                history.killed = True
                kind, try_number = (kind, try_number) if kind == TRIGGER else (EXECUTE, try_number + 1)
            elif "error" in outcome or "result" in outcome:
                history.result, history.error = outcome.get("result"), outcome.get("error")
                return history
            else:
                kind = TRIGGER if "deferred" in outcome else RESUME
        history.error = f"no end after {MAX_PROCESSES} processes: {history.processes}"
        return history

    def _run_process(self, kind: str, try_number: int, crash: Crash | None) -> dict[str, Any]:
        path = self._folder / "outcome.json"
        path.unlink(missing_ok=True)
        process = _PROCESSES.Process(target=task_process.run, args=(kind, self._settings, try_number, crash))
        process.start()
        process.join(PROCESS_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return {"error": f"{kind}: no end within {PROCESS_SECONDS:g} s"}
        if path.exists():
            outcome: dict[str, Any] = json.loads(path.read_text())
            return outcome
        if crash is None:
            return {"error": f"{kind}: exit code {process.exitcode}"}
        return {"killed": True}

    def verdict(self, history: History) -> str | None:
        """Return what is wrong with the end of this task, or None."""
        if history.error is not None:
            return f"{history.error} (processes: {', '.join(history.processes)})"
        judges: dict[str, Callable[[Any], str | None]] = {
            operators.CREATE: lambda result: self._clusters([result]),
            operators.CREATE_SEVERAL: self._clusters,
            operators.SUBMIT: lambda result: self._applications([result], "a"),
            operators.SUBMIT_SEVERAL: lambda result: self._applications(result, "ab"),
            operators.JOB: lambda result: self._applications(result["applications"], "ab") or self._gone(),
        }
        return judges.get(self._operator, lambda _: self._gone())(history.result)

    def _clusters(self, summaries: list[dict[str, Any]]) -> str | None:
        wanted = {summary["cluster_id"] for summary in summaries}
        found = {cluster.id for cluster in self._points.client.list_clusters() if self._is_own(cluster.id)}
        not_ready = [summary for summary in summaries if summary["state"] != "ready"]
        if not_ready or found != wanted:
            return f"clusters {sorted(found)}, result {summaries}"
        return None

    def _applications(self, summaries: list[dict[str, Any]], names: str) -> str | None:
        runs = Path(self._settings["runs"])
        ran = sorted(runs.read_text().split()) if runs.exists() else []
        if ran != sorted(names):
            return f"ran {ran} instead of each of {list(names)} once"
        bad = [summary for summary in summaries if summary["outcome"] != "success" or summary["exit_code"] != 0]
        return f"result {summaries}" if bad or len(summaries) != len(names) else None

    def _gone(self) -> str | None:
        end = time.monotonic() + 30
        while left := self._own_ids():
            if time.monotonic() > end:
                return f"left: {left}"
            time.sleep(0.3)
        return None

    def _own_ids(self) -> list[str]:
        client = self._points.client
        ids = [found.id for found in (*client.list_clusters(), *client.list_jobs()) if self._is_own(found.id)]
        return ids + [
            name for name in containers(self._points.stack) if name.startswith(f"aztk-{self._settings['id']}-")
        ]

    def _is_own(self, id: str) -> bool:
        return id == self._settings["id"] or id.startswith(f"{self._settings['id']}-")

    def clean_up(self) -> None:
        """Delete what this task made, whatever it should have done itself."""
        client = self._points.client
        for found in (*client.list_clusters(), *client.list_jobs()):
            if self._is_own(found.id):
                client.delete_cluster(found.id)
