"""The running Airflow and local stack of the end-to-end tests, and the calls that the tests make on them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.local.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_deployment import AirflowDeployment
    from local_stack import LocalStack

    from airflow_provider_aztk.client import Client

__all__ = ["APP_SECRET", "AirflowStack"]

APP_SECRET = "s3cr3t-of-the-lake-8361"  # what an application gets from a connection, and must not be seen anywhere


class AirflowStack:
    """One running Airflow, one local stack, and the calls that the tests make on both."""

    def __init__(self, airflow: AirflowDeployment, local_stack: LocalStack, client: Client) -> None:
        self.airflow = airflow
        self.local_stack = local_stack
        self.client = client
        self.cluster_id = ""
        self._started = 0.0

    def start(self, dag_id: str, **conf: Any) -> str:
        """Start a run, no two in the same second: remote ids contain the second, and tests distinguish runs by it."""
        time.sleep(1.0 - time.time() % 1.0 if time.time() // 1.0 == self._started else 0.0)
        self._started = time.time() // 1.0
        return self.airflow.trigger(dag_id, {"cluster_id": self.cluster_id, **conf})

    def run(self, dag_id: str, **conf: Any) -> tuple[str, str]:
        """Start a run, wait for its end, and return its id and state."""
        run_id = self.start(dag_id, **conf)
        return run_id, self.airflow.wait_for_run(dag_id, run_id)

    def task(self, dag_id: str, run_id: str, task_id: str = "app") -> dict[str, Any]:
        """Return a task instance."""
        return next(task for task in self.airflow.tasks(dag_id, run_id) if task["task_id"] == task_id)

    def links(self, dag_id: str, run_id: str, task_id: str = "app") -> dict[str, str | None]:
        """Return the links of a task as the UI shows them, by name."""
        answer = self.airflow.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links")
        return dict(answer["extra_links"])

    def text(self, dag_id: str, run_id: str, task_id: str = "app", **kwargs: Any) -> str:
        """Return a task's log as text, errors included."""
        found = []
        for line in self.airflow.log(dag_id, run_id, task_id, **kwargs):
            found.append(str(line["event"]))
            found += [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or ()]
        return "\n".join(found)

    def remote_names(self, run_id: str, dag_id: str, task_id: str = "app") -> list[str]:
        """Name the applications that tries of a task have submitted to the shared cluster."""
        task = self.task(dag_id, run_id, task_id)
        digest = run_id.partition("__")[2][:19].replace("-", "").replace(":", "")
        assert task is not None
        return [app.name for app in self.client.list_cluster_applications(self.cluster_id) if digest in app.name]

    def wait_for(self, poll: Callable[[], Any], what: str, timeout: float = 240.0) -> Any:
        """Poll until the result is truthy, and return it."""
        end = time.monotonic() + timeout
        while not (found := poll()):
            assert time.monotonic() < end, f"not within {timeout:g} s: {what}"
            time.sleep(0.3)
        return found

    def wait_for_state(
        self, dag_id: str, run_id: str, state: str, task_id: str = "app", timeout: float = 240.0
    ) -> None:
        """Wait until a task is in a state."""
        self.wait_for(
            lambda: self.task(dag_id, run_id, task_id)["state"] == state, f"{task_id} of {dag_id} is {state}", timeout
        )

    def patch(self, dag_id: str, run_id: str, state: str, task_id: str = "app") -> None:
        """Mark a task, as a user does in the UI."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self.airflow.call("PATCH", path, {"new_state": state})

    def restart(self, component: str) -> None:
        """Stop one of Airflow's processes, and start another."""
        process = self.airflow.running[component]
        process.terminate()
        process.wait(timeout=240)
        self.airflow.processes.forget(process)
        self.airflow.start(component)

    @property
    def admin(self) -> AdminClient:
        """Return the client that injects faults into the local stack."""
        info = self.local_stack.info
        return AdminClient(info["batch_endpoint"], info["batch_account"], info["batch_key"])

    def clear(self, dag_id: str, run_id: str, task_id: str = "app", *, downstream: bool = False) -> None:
        """Clear a task, as a user does in the UI."""
        body = {"dag_run_id": run_id, "task_ids": [task_id], "dry_run": False, "only_failed": False,
                "include_downstream": downstream, "reset_dag_runs": True}  # fmt: skip
        self.airflow.call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def xcoms(self, dag_id: str, run_id: str, task_id: str = "app", map_index: int = -1) -> dict[str, Any]:
        """Return the XComs of a task."""
        base = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        keys = [entry["key"] for entry in self.airflow.get(f"{base}?map_index={map_index}")["xcom_entries"]]
        found = {key: self.airflow.get(f"{base}/{key}?map_index={map_index}")["value"] for key in keys}
        return found
