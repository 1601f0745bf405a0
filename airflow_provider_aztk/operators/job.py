"""Operators for AZTK jobs: applications that bring their own cluster and take it away again."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.limits import AUTO, Limit, checked_limit, job_lifetime
from airflow_provider_aztk.configuration.references import references, resolve
from airflow_provider_aztk.configuration.several import built, definitions
from airflow_provider_aztk.exceptions import being_made, final_errors
from airflow_provider_aztk.links.aztk import (
    AztkBatchJobLink,
    AztkBatchPoolLink,
    AztkDriverLogLink,
    AztkSparkUiLink,
    batch_job_url,
    batch_pool_url,
    log_url,
)
from airflow_provider_aztk.naming import KEPT, checked_id, default_name, owner_metadata, remote_id
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.deletion import AztkDeletionOperator
from airflow_provider_aztk.operators.logs import AztkLogOperator
from airflow_provider_aztk.operators.remote import ABSENT, ALIVE, FAILED, Remote, each, named
from airflow_provider_aztk.settings import deployment_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client, models
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = [
    "AztkDeleteJobOperator",
    "AztkStopJobApplicationOperator",
    "AztkStopJobOperator",
    "AztkSubmitJobOperator",
]


class AztkSubmitJobOperator(AztkLogOperator):
    """Run an AZTK job: Spark applications with a cluster of their own, which goes when they are done.

    The drivers' logs are written into the task's log while they run. The task's result: ``{"job_id", "outcome",
    "applications": [...]}``, the applications as
    :class:`~airflow_provider_aztk.operators.application.AztkSubmitApplicationOperator` gives them.

    :param job_configuration: its definition: dict, model, or .yaml, .yml or .json file (templated). Its id is a
        prefix, to which run, map index and try are added; the applications keep their names.
    :param stream_logs: write what the drivers print into the task's log; default True.
    :param keep_job: leave the finished job (without nodes) in the Batch account; default False: it is deleted.
    :param keep_logs: keep the drivers' logs in the storage account when the job is deleted; default False.
    :param max_lifetime: end the job after this long, unless its definition says when: a timedelta, seconds, or None
        for never; default ``"auto"``: ``execution_timeout``, and without one 3 days or longer where ``dagrun_timeout``
        is. A job never outlives its task's ``execution_timeout``, unless ``cancel_on_kill`` is False.

    Further parameters: see :class:`~airflow_provider_aztk.operators.remote.AztkRemoteOperator`.
    """

    template_fields: Sequence[str] = ("job_configuration", "aztk_conn_id")
    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    template_fields_renderers: ClassVar[dict[str, str]] = {"job_configuration": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("job_configuration",)
    operator_extra_links = (AztkBatchJobLink(), AztkBatchPoolLink(), AztkSparkUiLink(), AztkDriverLogLink())

    def __init__(
        self,
        *,
        job_configuration: Any,
        keep_job: bool = False,
        keep_logs: bool = False,
        max_lifetime: Limit = AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_configuration = self.accept(job_configuration)
        self.keep_job = keep_job
        self.keep_logs = keep_logs
        self.max_lifetime = checked_limit("max_lifetime", max_lifetime)

    def plan(self, client: Client, context: Context) -> Remote:
        """Choose the job's id."""
        self._model(context)  # say what is wrong before anything is noted
        return {
            "job_id": remote_id(str(self._loaded(context)["id"]), context),
            "application_names": self._names(context),
            "owner": {**owner_metadata(context, deployment_id()), **(KEPT if self.keep_job else {})},
        }

    def submit(self, client: Client, remote: Remote, context: Context) -> None:
        """Submit the job."""
        model = self._model(context)
        model = dataclasses.replace(model, id=remote["job_id"], metadata={**model.metadata, **remote["owner"]})
        names = [application.name for application in model.applications]
        self.log.info("Submitting job %s with %s", model.id, named("application", names))
        with being_made():
            client.submit_job(model)

    def look(self, client: Client, remote: Remote) -> str:
        """Tell what became of a job that an earlier try submitted."""
        from airflow_provider_aztk.client import errors

        try:
            job = client.get_job(remote["job_id"])
        except errors.NotFoundError:
            return ABSENT
        failed = job.outcome is not None and not job.outcome.is_successful
        if failed or (job.outcome is None and job.state.is_terminal):
            self._cancel_quietly(remote, "an earlier try had submitted it, and it did not succeed")
            return FAILED
        # One whose tasks were not all added would wait for ever: submitting it again, under the same id, finishes it.
        return ALIVE if job.is_submitted else ABSENT

    def fits(self, remote: Remote, context: Context) -> bool:
        """Return whether the applications have the names that were noted, by which their logs are read."""
        return bool(remote["application_names"] == self._names(context))

    def cancel(self, client: Client, remote: Remote) -> list[str]:
        """Delete the job, and its cluster with it."""
        return each(lambda job_id: client.delete_job(job_id, keep_logs=self.keep_logs), [remote["job_id"]])

    def describe(self, remote: Remote) -> str:
        """Name the job."""
        return f"job {remote['job_id']}"

    def cancelled(self, remote: Remote, ids: Sequence[str]) -> str:
        """Return that it is deleted, and what is kept."""
        return f"{named('Job', ids)} deleted" + (", its drivers' logs are kept" if self.keep_logs else "")

    def make_trigger(self, remote: Remote, context: Context, deadline: float | None) -> AztkTrigger:
        """Wait for the job."""
        from airflow_provider_aztk.triggers.job import AztkJobTrigger

        applications = self._loaded(context)["applications"]
        return AztkJobTrigger(
            job_ids=[remote["job_id"]],
            aztk_conn_id=self.aztk_conn_id,
            poll_interval=self.poll_interval,
            deadline=deadline,
            cancel_on_kill=self.cancel_on_kill,
            delete_on_kill=True,
            keep_logs=self.keep_logs,
            remote=remote,
            log_names=remote["application_names"] if self.stream_logs else None,
            secret_refs=[reference for application in applications for reference in references(application)],
            deferred_links=self.late_links,
        )

    def complete(self, event: WaitEvent, context: Context) -> Any:
        """Give what became of the job, or raise it."""
        job_id = event["remote"]["job_id"]
        summaries = self.finished(job_id, event, context)
        return {"job_id": job_id, "outcome": "success", "applications": summaries}

    def supersede(self, remote: Remote) -> None:
        """End the job of a cleared run; one that is to be kept is only stopped."""
        if not self.keep_job:
            super().supersede(remote)
        elif self.cancel_on_kill:
            with self.hook.get_client() as client:
                each(client.stop_job, [remote["job_id"]])

    def clean_up(self, remote: Remote, because: str) -> None:
        """Delete the finished job."""
        if not self.keep_job:
            self._cancel_quietly(remote, because)

    def outputs(self, remote: Remote) -> dict[str, str]:
        """Tell other tasks the job's id."""
        return {"job_id": remote["job_id"]}

    def result(self, remote: Remote) -> Any:
        """Give the id, where the task does not wait."""
        return {"job_id": remote["job_id"], "outcome": None, "applications": []}

    def show(self, client: Client, remote: Remote, context: Context) -> None:
        """Link to Batch job and pool, and the log of the first driver; Spark's page is linked when there is one."""
        secrets = self.hook.secrets
        self.push_link(context, AztkBatchJobLink.key, batch_job_url(secrets, remote["job_id"]))
        job = client.get_job(remote["job_id"])
        if job.pool_id:
            self.push_link(context, AztkBatchPoolLink.key, batch_pool_url(secrets, job.pool_id))
        self.push_link(context, AztkDriverLogLink.key, log_url(secrets, job.container, remote["application_names"][0]))

    def _names(self, context: Context) -> list[str]:
        return [str(application.get("name")) for application in self._loaded(context)["applications"]]

    def _loaded(self, context: Context) -> dict[str, Any]:
        data = load(self.job_configuration, "job_configuration")
        inner = dict(data["job"]) if isinstance(data.get("job"), dict) else data
        beside = [name for name in data if name != "job"] if inner is not data else []
        if beside:
            raise ValueError("; ".join(f"job_configuration.{name}: move it under 'job'" for name in beside))
        ti = context["ti"]
        if not inner.get("id"):
            inner["id"] = default_name(f"{ti.dag_id}-{ti.task_id}")
        inner["applications"] = built(
            partial(load, application, f"applications[{index}]")
            for index, application in enumerate(definitions(inner.get("applications"), "applications"))
        )
        return inner

    def _model(self, context: Context) -> models.JobConfiguration:
        from airflow_provider_aztk.client import models

        data = self._loaded(context)
        data["applications"] = [resolve(app, self.hook.get_connection) for app in data["applications"]]
        model: models.JobConfiguration = to_model(models.JobConfiguration, data, self.search_folders)
        lifetime = job_lifetime(model.max_lifetime, self.max_lifetime, self.dag.dagrun_timeout, self.batch_limit)
        return dataclasses.replace(model, max_lifetime=lifetime)


class AztkStopJobOperator(AztkOperator):
    """Stop an AZTK job: its applications end, its cluster goes, its logs stay. One that is gone is fine.

    :param job_id: the job (templated).
    """

    template_fields: Sequence[str] = ("job_id", "aztk_conn_id")

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def execute(self, context: Context) -> None:
        """Stop it."""
        from airflow_provider_aztk.client import errors

        with final_errors(self.hook), self.hook.get_client() as client:
            job_id = checked_id(self.job_id, "job_id")
            try:
                stopped = client.stop_job(job_id)
            except errors.NotFoundError:
                self.log.info("Job %s does not exist (any more); there is nothing to stop", job_id)
                return
        self.log.info("Job %s %s", job_id, "is being stopped; its logs stay" if stopped else "had ended already")


class AztkStopJobApplicationOperator(AztkOperator):
    """Stop one application of an AZTK job; the others go on. One that is gone is fine.

    :param job_id: the job (templated).
    :param application_name: the application (templated).
    """

    template_fields: Sequence[str] = ("job_id", "application_name", "aztk_conn_id")

    def __init__(self, *, job_id: str, application_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.application_name = application_name

    def execute(self, context: Context) -> None:
        """Stop it."""
        from airflow_provider_aztk.client import errors

        with final_errors(self.hook), self.hook.get_client() as client:
            job_id = checked_id(self.job_id, "job_id")
            name = checked_id(self.application_name, "application_name")
            try:
                stopped = client.stop_job_app(job_id, name)
            except errors.NotFoundError:
                self.log.info("Application %s of job %s does not exist (any more)", name, job_id)
                return
        self.log.info(
            "Application %s of job %s %s", name, job_id, "is being stopped" if stopped else "had ended already"
        )


class AztkDeleteJobOperator(AztkDeletionOperator):
    """Delete an AZTK job, running or done; one that does not exist (any more) is fine.

    The task's result: whether there was something to delete.

    :param job_id: the job (templated).

    Further parameters: see :class:`~airflow_provider_aztk.operators.deletion.AztkDeletionOperator`.
    """

    template_fields: Sequence[str] = ("job_id", "aztk_conn_id")
    kind: ClassVar[str] = "job"

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    @property
    def deleted_id(self) -> str:
        """The job's id."""
        return self.job_id

    def check(self) -> None:
        """Check the rendered id."""
        checked_id(self.job_id, "job_id")

    def delete(self, client: Client) -> bool:
        """Delete the job."""
        return client.delete_job(self.job_id, keep_logs=self.keep_logs)
