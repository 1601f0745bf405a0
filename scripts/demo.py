"""``make demo``: on real Airflow, a DAG makes a Spark cluster, computes pi on it, and takes it away again."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_deployment import AirflowDeployment, DeploymentError
from local_stack import LocalStack, StackError
from processes import ProcessGroup, interruptible

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"
DAG_ID = "example_aztk_cluster"
DRIVER_TASK = "run_pi"
RUN_LIMIT = 1200.0


def main() -> int:
    """Run the demo and clean up after it, however it ends."""
    RUN.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="demo-", dir=RUN))
    processes = ProcessGroup()
    result = 1
    try:
        with interruptible():
            try:
                result = demo(home, processes)
            except KeyboardInterrupt:
                say("Interrupted: stopping everything")
                result = 130
            except (DeploymentError, StackError) as error:
                say(f"The demo failed: {error}")
            finally:
                processes.stop()
                left = processes.left()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if left:
        say(f"These processes are still running: {left}")
        return 1
    say("No process is left running" + ("" if result else "; the demo succeeded"))
    return result


def demo(home: Path, processes: ProcessGroup) -> int:
    """Start everything, run the DAG, and say what was left behind."""
    say("Starting the local Azure Batch and Storage, and Airflow (its log files: " + str(home.relative_to(ROOT)) + ")")
    began = time.monotonic()
    stack = LocalStack(processes, home / "local-stack.log", env=os.environ)
    airflow = AirflowDeployment(
        home / "airflow",
        ROOT / "example_dags",
        processes,
        env={"AIRFLOW_CONN_AZTK_DEFAULT": stack.connection},
        template=RUN / "airflow-template",
    )
    if airflow.prepare():
        say("Airflow's database has been set up; this is done once")
    airflow.start()
    airflow.wait_until_healthy()
    airflow.wait_for_dag(DAG_ID)
    say(f"Airflow is running at {airflow.url} after {time.monotonic() - began:.0f} s; starting the DAG {DAG_ID}")
    run_id = airflow.trigger(DAG_ID)
    state = follow(airflow, run_id)
    tasks = {task["task_id"]: task for task in airflow.tasks(DAG_ID, run_id)}
    print_table(list(tasks.values()))
    for task_id, task in tasks.items():
        if task["state"] not in ("success", None):
            print_task_log(airflow, run_id, task_id, task["try_number"])
    left = wait_until_empty(stack)
    if left:
        say("Left behind in the accounts: " + ", ".join(left))
    else:
        say("Nothing is left in the Batch account (pools, jobs) and in the storage account (containers)")
    say(f"The DAG run ended: {state}")
    return 0 if state == "success" and not left else 1


def follow(airflow: AirflowDeployment, run_id: str) -> str:
    """Print the driver's task log line by line, as Airflow shows it, until the run is over."""
    shown = 0
    states: dict[str, Any] = {}
    end = time.monotonic() + RUN_LIMIT
    while True:
        run_state = airflow.run_state(DAG_ID, run_id)
        for task in airflow.tasks(DAG_ID, run_id):
            if task["state"] != states.get(task["task_id"]):
                states[task["task_id"]] = task["state"]
                say(f"{task['task_id']}: {task['state']}")
        if states.get(DRIVER_TASK) not in (None, "scheduled", "queued", "upstream_failed", "skipped"):
            lines = [line for line in airflow.log(DAG_ID, run_id, DRIVER_TASK) if _is_content(line)]
            for line in lines[shown:]:
                print_line(line)
            shown = max(shown, len(lines))
        if run_state in ("success", "failed"):
            return run_state
        if time.monotonic() > end:
            raise DeploymentError(f"the DAG run is still {run_state} after {RUN_LIMIT:.0f} s")
        time.sleep(1)


def _is_content(line: dict[str, Any]) -> bool:
    return "timestamp" in line and not line["event"].startswith(("::group::", "::endgroup::"))


def print_table(tasks: list[dict[str, Any]]) -> None:
    """Print what ran and how long each step took."""
    print(f"\n    {'task':<16} {'state':<10} {'started':<9} {'seconds':>7}")
    for task in sorted(tasks, key=lambda task: task["start_date"] or ""):
        started = clock(task["start_date"]) if task["start_date"] else ""
        print(f"    {task['task_id']:<16} {task['state'] or '':<10} {started:<9} {task['duration'] or 0:>7.1f}")
    print(flush=True)


def print_task_log(airflow: AirflowDeployment, run_id: str, task_id: str, try_number: int) -> None:
    """Print the log of a task that failed."""
    say(f"The log of {task_id}:")
    lines = airflow.log(DAG_ID, run_id, task_id, try_number=max(1, try_number))
    for line in lines:
        print_line(line)
    if not lines:
        print("    (it has none: the task did not begin)", flush=True)


def print_line(line: dict[str, Any]) -> None:
    """Print a line of a task's log, with the error that it may bring."""
    when = clock(line["timestamp"]) if "timestamp" in line else " " * 8
    print(f"    {when} {line.get('level', ''):<7} {line['event']}", flush=True)
    for error in line.get("error_detail") or ():
        for text in f"{error['exc_type']}: {error['exc_value']}".splitlines():
            print(f"    {when} {'':<7} {text}", flush=True)


def wait_until_empty(stack: LocalStack, timeout: float = 300.0) -> list[str]:
    """Give Azure Batch the time it takes to remove a job, and say what stays."""
    end = time.monotonic() + timeout
    while (left := stack.left()) and time.monotonic() < end:
        time.sleep(0.5)
    return left


def clock(timestamp: str) -> str:
    """Show a moment as the time of day, here."""
    return datetime.fromisoformat(timestamp).astimezone().strftime("%H:%M:%S")


def say(text: str) -> None:
    """Print a line of the demo itself."""
    print(f"[demo] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
