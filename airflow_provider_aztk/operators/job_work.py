"""Submit an AZTK job: the work of the operator that submits jobs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.limits import job_lifetime
from airflow_provider_aztk.configuration.references import references, resolve
from airflow_provider_aztk.configuration.several import built, definitions
from airflow_provider_aztk.exceptions import creation_errors
from airflow_provider_aztk.naming import KEPT, default_name, owner_metadata, remote_id
from airflow_provider_aztk.operators.driver_logs import DriverLogs
from airflow_provider_aztk.operators.task_state import Started
from airflow_provider_aztk.operators.work import Work, WorkStatus, for_each, named
from airflow_provider_aztk.settings import deployment_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aztk.client import Client, models
    from airflow_provider_aztk.exceptions import AztkTaskError
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["StartedJob", "SubmitJobWork"]


@dataclass(frozen=True)
class StartedJob(Started):
    """A job that a task submits.

    :param job_id: its id.
    :param application_names: the names of its applications, by which their logs are read.
    :param owner: the metadata that names its owner: a later try must define it as the first did.
    """

    job_id: str
    application_names: list[str]
    owner: dict[str, str]


@dataclass(frozen=True)
class SubmitJobWork(Work[StartedJob]):
    """Submit a job.

    :param configuration: the rendered field.
    :param keep_job: leave the finished job in the Batch account.
    :param keep_logs: keep the drivers' logs when the job is deleted.
    :param max_lifetime: the operator's limit.
    :param batch_limit: how long Azure Batch lets the job run at most.
    :param logs: the drivers' logs.
    """

    configuration: Any
    keep_job: bool
    keep_logs: bool
    max_lifetime: timedelta | Literal["auto"] | None
    batch_limit: timedelta | None
    logs: DriverLogs

    started_type: ClassVar[type[Started]] = StartedJob

    @property
    def is_removed_when_done(self) -> bool:
        """Whether the finished job is deleted."""
        return not self.keep_job

    @cached_property
    def definition(self) -> models.JobConfiguration:
        """The job, with its applications' secrets, under the id that is the prefix of its own."""
        from airflow_provider_aztk.client import models

        data = dict(self._loaded)
        data["applications"] = [resolve(app, self.operator.hook.get_connection) for app in data["applications"]]
        model: models.JobConfiguration = to_model(models.JobConfiguration, data, self.operator.search_folders)
        lifetime = job_lifetime(
            model.max_lifetime, self.max_lifetime, self.operator.dag.dagrun_timeout, self.batch_limit
        )
        return replace(model, max_lifetime=lifetime)

    @cached_property
    def _loaded(self) -> dict[str, Any]:
        data = load(self.configuration, "job_configuration")
        inner = dict(data["job"]) if isinstance(data.get("job"), dict) else data
        beside = [name for name in data if name != "job"] if inner is not data else []
        if beside:
            raise ValueError("; ".join(f"job_configuration.{name}: move it under 'job'" for name in beside))
        ti = self.context["ti"]
        if not inner.get("id"):
            inner["id"] = default_name(f"{ti.dag_id}-{ti.task_id}")
        inner["applications"] = built(
            partial(load, application, f"applications[{index}]")
            for index, application in enumerate(definitions(inner.get("applications"), "applications"))
        )
        return inner

    @property
    def _names(self) -> list[str]:
        return [application.name for application in self.definition.applications]

    # -- start it ------------------------------------------------------------------------------------------------

    def plan(self, client: Client) -> StartedJob:
        """Return the job's id."""
        return StartedJob(
            job_id=remote_id(self.definition.id, self.context),
            application_names=self._names,
            owner={**owner_metadata(self.context, deployment_id()), **(KEPT if self.keep_job else {})},
        )

    def submit(self, client: Client, started: StartedJob) -> None:
        """Submit the job; one that is incomplete is completed."""
        metadata = {**self.definition.metadata, **started.owner}
        job = replace(self.definition, id=started.job_id, metadata=metadata)
        names = [application.name for application in job.applications]
        self.operator.log.info("Submitting job %s with %s", job.id, named("application", names))
        with creation_errors():
            client.submit_job(job)

    def matches_definitions(self, started: StartedJob) -> bool:
        """Return whether the applications have the names that were saved, by which their logs are read."""
        return started.application_names == self._names

    # -- handle what was started ---------------------------------------------------------------------------------

    def status(self, client: Client, started: StartedJob) -> WorkStatus:
        """Return what became of a job that an earlier try submitted."""
        from airflow_provider_aztk.client import errors

        try:
            job = client.get_job(started.job_id)
        except errors.NotFoundError:
            return WorkStatus.INCOMPLETE
        has_failed = job.outcome is not None and not job.outcome.is_successful
        if has_failed or (job.outcome is None and job.state.is_terminal):
            return WorkStatus.FAILED
        # One whose tasks were not all added would wait for ever: submitting it again, under the same id, completes it.
        return WorkStatus.STARTED if job.is_submitted else WorkStatus.INCOMPLETE

    def cancel(self, client: Client, started: StartedJob) -> list[str]:
        """Delete the job, and its cluster with it."""
        return for_each(lambda job_id: client.delete_job(job_id, keep_logs=self.keep_logs), [started.job_id])

    def cancel_cleared_run(self, started: StartedJob, cancel: Callable[[str], object]) -> None:
        """Delete the job of a cleared run; one that is to be kept is only stopped."""
        if not self.keep_job:
            super().cancel_cleared_run(started, cancel)
            return
        with self.operator.hook.get_client() as client:
            for_each(client.stop_job, [started.job_id])

    def describe(self, started: StartedJob) -> str:
        return f"job {started.job_id}"

    def describe_cancelled(self, started: StartedJob, ids: Sequence[str]) -> str:
        return f"{named('Job', ids)} deleted" + (", its drivers' logs are kept" if self.keep_logs else "")

    def outputs(self, started: StartedJob) -> dict[str, str]:
        """Return the job's id."""
        return {"job_id": started.job_id}

    def push_links(self, client: Client, started: StartedJob) -> None:
        """Link to Batch job and pool, and the log of the first driver; Spark's page is linked when there is one."""
        self.operator.push_job_link(self.context, started.job_id)
        job = client.get_job(started.job_id)
        self.operator.push_pool_link(self.context, job.pool_id)
        self.logs.push_link(job.container, started.application_names[0])

    # -- wait for it ---------------------------------------------------------------------------------------------

    def trigger(self, started: StartedJob, arguments: dict[str, Any]) -> AztkTrigger:
        """Wait for the job."""
        from airflow_provider_aztk.triggers.job import AztkJobTrigger

        secret_refs = [reference for app in self._loaded["applications"] for reference in references(app)]
        return AztkJobTrigger(
            job_ids=[started.job_id],
            delete_on_kill=True,
            keep_logs=self.keep_logs,
            **self.logs.trigger_arguments(started.application_names, secret_refs),
            **arguments,
        )

    def prepare_deferral(self, trigger: AztkTrigger) -> None:
        self.logs.prepare_deferral(trigger)

    def unfinished_result(self, started: StartedJob) -> Any:
        return {"job_id": started.job_id, "outcome": None, "applications": []}

    def result(self, started: StartedJob, event: WaitEvent) -> Any:
        """Return what became of the job, or raise it."""
        summaries = self.logs.finish(started.job_id, event)
        return {"job_id": started.job_id, "outcome": "success", "applications": summaries}

    def reason_to_cancel(self, event: WaitEvent, error: AztkTaskError) -> str | None:
        """Return that it is over: a failed job is deleted like a finished one."""
        return "it is over, and did not succeed" if self.is_removed_when_done else None
