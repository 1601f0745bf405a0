"""The DAGs of the end-to-end tests; what a run does is in its conf."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.application_work import SubmitApplicationsWork
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator
from airflow_provider_aztk.operators.job import (
    AztkDeleteJobOperator,
    AztkSubmitJobOperator,
)
from airflow_provider_aztk.operators.reap import AztkReapClustersOperator
from airflow_provider_aztk.sensors.application import AztkApplicationSensor
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor
from airflow_provider_aztk.sensors.job import AztkJobSensor
from airflow_provider_aztk.task_groups.cluster import AztkClusterTaskGroup

PARAMS = {"cluster_id": "", "job_id": "", "seconds": 3, "exit_code": 0, "text": "hello", "note": "", "count": 1}
APPLICATION = {
    "name": "app",
    "application": "apps/app.py",
    "application_args": ["{{ params.seconds }}", "{{ params.exit_code }}", "{{ params.text }}"],
    "secret_env": {"E2E_SECRET": "e2e_lake:password"},
}
RESCHEDULED = 8  # a busy scheduler fails a task that is back before it has taken note of its leaving (as in #71580)
CLUSTER = {"cluster_id": "e2e", "vm_count": 1, "vm_size": "standard_d2s_v5"}


def dag(dag_id: str, **kwargs: Any) -> DAG:
    """Make a DAG that runs when asked only."""
    return DAG(dag_id=dag_id, schedule=None, params=PARAMS, max_active_runs=64, **kwargs)


@dataclass(frozen=True)
class HaltingWork(SubmitApplicationsWork):
    """Write down the process of the first try at some point, and stay there until it is killed; or go on."""

    halt_at: str = "nowhere"

    def push_links(self, client: Any, started: Any) -> None:
        """The moment between submission and deferral."""
        super().push_links(client, started)
        self._write_down("submitted")

    def result(self, started: Any, event: Any) -> Any:
        """The moment at the end."""
        if self.halt_at == "complete":
            self._write_down("complete")
        return super().result(started, event)

    def _write_down(self, where: str) -> None:
        note = self.context["params"]["note"]
        if self.context["ti"].try_number > 1 or not note or self.halt_at not in (where, "nowhere"):
            return
        Path(note).write_text(str(os.getpid()))
        if self.halt_at == where:
            time.sleep(120)


class HaltingOperator(AztkSubmitApplicationOperator):
    """Stay at a point of the first try until it is killed; at ``nowhere``, only write down its process."""

    def __init__(self, *, halt_at: str = "nowhere", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.halt_at = halt_at

    def make_work(self, context: Any) -> HaltingWork:
        """Return the work that halts."""
        work = super().make_work(context)
        return HaltingWork(**{field.name: getattr(work, field.name) for field in fields(work)}, halt_at=self.halt_at)


class UnlimitedOperator(AztkSubmitApplicationOperator):
    """Keep the limit from Azure Batch, so that it is Airflow which ends the application."""

    batch_limit = None


class ImpatientOperator(AztkSubmitApplicationOperator):
    """Give Airflow itself a short limit for the deferral, and the trigger none."""

    def defer(self, *, trigger: Any, method_name: str, kwargs: Any = None, timeout: Any = None) -> Any:
        """Defer for six seconds."""
        super().defer(trigger=trigger, method_name=method_name, kwargs=kwargs, timeout=timedelta(seconds=6))


with dag("e2e_ephemeral"), AztkClusterTaskGroup("spark", cluster_conf=CLUSTER) as spark:
    AztkSubmitApplicationOperator(task_id="app", cluster_id=spark.cluster_id, application=APPLICATION)

with (
    dag("e2e_too_long", dagrun_timeout=timedelta(seconds=25)),
    AztkClusterTaskGroup("spark", cluster_conf=CLUSTER) as spark,
):
    AztkSubmitApplicationOperator(task_id="app", cluster_id=spark.cluster_id, application=APPLICATION)

shared: dict[str, Any] = {"cluster_id": "{{ params.cluster_id }}", "application": APPLICATION}
retrying: dict[str, Any] = {**shared, "retries": 1, "retry_delay": timedelta(seconds=1)}

with dag("e2e_app"):
    AztkSubmitApplicationOperator(task_id="app", **shared)

with dag("e2e_sync"):
    HaltingOperator(task_id="app", deferrable=False, **retrying)

with dag("e2e_halt_submitted"):
    HaltingOperator(task_id="app", halt_at="submitted", **retrying)

with dag("e2e_halt_complete"):
    HaltingOperator(task_id="app", halt_at="complete", **retrying)

with dag("e2e_deferral_timeout"):
    ImpatientOperator(task_id="app", **shared)

with dag("e2e_execution_timeout"):
    UnlimitedOperator(task_id="app", execution_timeout=timedelta(seconds=6), **shared)

with dag("e2e_batch_limit"):
    AztkSubmitApplicationOperator(task_id="app", execution_timeout=timedelta(seconds=6), **shared)

with dag("e2e_create_only"):
    AztkCreateClusterOperator(task_id="create", cluster_conf=CLUSTER)

JOB = {
    "id": "e2e-job",
    "max_dedicated_nodes": 1,
    "vm_size": "standard_d2s_v5",
    "applications": [{**APPLICATION, "name": "one"}, {**APPLICATION, "name": "two"}],
}

with dag("e2e_job"):
    AztkSubmitJobOperator(task_id="job", job_configuration=JOB)

with dag("e2e_job_left_alone"):
    AztkSubmitJobOperator(task_id="job", job_configuration=JOB, wait_for_completion=False)

with dag("e2e_wait_and_delete_job"):
    (
        AztkJobSensor(
            task_id="reschedule",
            job_id="{{ params.job_id }}",
            mode="reschedule",
            deferrable=False,
            poke_interval=RESCHEDULED,
        )
        >> AztkJobSensor(task_id="deferred", job_id=["{{ params.job_id }}"], poke_interval=2)
        >> AztkDeleteJobOperator(task_id="delete", job_id="{{ params.job_id }}", wait_for_completion=True)
        >> AztkDeleteJobOperator(
            task_id="again", job_id="{{ params.job_id }}", wait_for_completion=True, deferrable=False
        )
    )

with dag("e2e_reap"):
    AztkReapClustersOperator(task_id="would", min_age=0) >> AztkReapClustersOperator(
        task_id="reap", min_age=0, dry_run=False
    )

with dag("e2e_mapped"):
    from airflow.sdk import task

    @task
    def applications(params: dict[str, Any]) -> list[dict[str, Any]]:
        """Make as many applications as asked."""
        return [
            {**APPLICATION, "application_args": ["0.5", "0", f"number {number}"], "secret_env": {}, "max_cores": 1}
            for number in range(int(params["count"]))
        ]

    # A busy scheduler fails some resumed tasks (apache/airflow#71580); their retry must find what is there.
    AztkSubmitApplicationOperator.partial(
        task_id="app",
        cluster_id="{{ params.cluster_id }}",
        poll_interval=5,
        retries=3,
        retry_delay=timedelta(seconds=1),
    ).expand(application=applications())

with dag("e2e_sensors"):
    submit = AztkSubmitApplicationOperator(task_id="submit", wait_for_completion=False, **shared)
    AztkClusterSensor(task_id="cluster", cluster_id="{{ params.cluster_id }}", poke_interval=2) >> submit
    for mode, deferrable in (("poke", False), ("reschedule", False), ("poke", True)):
        name = "deferred" if deferrable else mode
        submit >> AztkApplicationSensor(
            task_id=name,
            cluster_id="{{ params.cluster_id }}",
            application_name=submit.output["application_name"],
            poke_interval=RESCHEDULED if mode == "reschedule" else 2,
            mode=mode,
            deferrable=deferrable,
        )
