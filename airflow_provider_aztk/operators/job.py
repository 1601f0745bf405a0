"""Operators for AZTK jobs: applications that bring their own cluster and take it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.configuration.limits import AUTO, Limit, checked_limit
from airflow_provider_aztk.exceptions import final_errors
from airflow_provider_aztk.links.aztk import AztkBatchJobLink, AztkBatchPoolLink, AztkDriverLogLink, AztkSparkUiLink
from airflow_provider_aztk.naming import checked_id
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.deletion import AztkDeletionOperator
from airflow_provider_aztk.operators.driver_logs import DriverLogs
from airflow_provider_aztk.operators.durable import AztkDurableOperator
from airflow_provider_aztk.operators.job_work import SubmitJobWork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client

__all__ = [
    "AztkDeleteJobOperator",
    "AztkStopJobApplicationOperator",
    "AztkStopJobOperator",
    "AztkSubmitJobOperator",
]


class AztkSubmitJobOperator(AztkDurableOperator):
    """Run an AZTK job: Spark applications with a cluster of their own, which goes when they are done.

    The drivers' logs are written into the task's log while they run. The task's result: ``{"job_id", "outcome",
    "applications": [...]}``, the applications as
    :class:`~airflow_provider_aztk.operators.application.AztkSubmitApplicationOperator` returns them.

    :param job_configuration: its definition: dict, model, or .yaml, .yml or .json file (templated). Its id is a
        prefix, to which run, map index and try are added; the applications keep their names.
    :param stream_logs: write what the drivers print into the task's log; default True.
    :param keep_job: leave the finished job (without nodes) in the Batch account; default False: it is deleted.
    :param keep_logs: keep the drivers' logs in the storage account when the job is deleted; default False.
    :param max_lifetime: end the job after this long, unless its definition says when: a timedelta, seconds, or None
        for never; default ``"auto"``: ``execution_timeout``, and without one 3 days or longer where ``dagrun_timeout``
        is. A job never outlives its task's ``execution_timeout``, unless ``cancel_on_kill`` is False.

    Further parameters: see :class:`~airflow_provider_aztk.operators.durable.AztkDurableOperator`.
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
        stream_logs: bool = True,
        keep_job: bool = False,
        keep_logs: bool = False,
        max_lifetime: Limit = AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_configuration = self.normalize(job_configuration)
        self.stream_logs = stream_logs
        self.keep_job = keep_job
        self.keep_logs = keep_logs
        self.max_lifetime = checked_limit("max_lifetime", max_lifetime)

    def make_work(self, context: Context) -> SubmitJobWork:
        """Return the job to submit."""
        return SubmitJobWork(
            operator=self,
            context=context,
            configuration=self.job_configuration,
            keep_job=self.keep_job,
            keep_logs=self.keep_logs,
            max_lifetime=self.max_lifetime,
            batch_limit=self.batch_limit,
            logs=DriverLogs(self, context, self.stream_logs),
        )


class AztkStopJobOperator(AztkOperator):
    """Stop an AZTK job: its applications end, its cluster is deleted, its logs stay. Safe to repeat.

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
    """Stop one application of an AZTK job; the others go on. Safe to repeat.

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

    def delete(self, client: Client) -> bool:
        """Delete the job."""
        return client.delete_job(self.job_id, keep_logs=self.keep_logs)
