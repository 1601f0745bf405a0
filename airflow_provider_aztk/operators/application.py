"""Operators for applications on a cluster: submit one or several, and wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.links.aztk import AztkBatchJobLink, AztkBatchPoolLink, AztkDriverLogLink, AztkSparkUiLink
from airflow_provider_aztk.operators.application_work import SubmitApplicationsWork
from airflow_provider_aztk.operators.driver_logs import DriverLogs
from airflow_provider_aztk.operators.durable import AztkDurableOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context


__all__ = ["AztkSubmitApplicationOperator", "AztkSubmitApplicationsOperator"]


class _SubmissionOperator(AztkDurableOperator):
    """What the operators for one application and for several share."""

    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    operator_extra_links = (AztkBatchJobLink(), AztkBatchPoolLink(), AztkSparkUiLink(), AztkDriverLogLink())

    def __init__(self, *, cluster_id: str, stream_logs: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.stream_logs = stream_logs

    def _make_work(self, context: Context, configuration: Any, *, returns_list: bool) -> SubmitApplicationsWork:
        return SubmitApplicationsWork(
            operator=self,
            context=context,
            cluster_id=self.cluster_id,
            configuration=configuration,
            returns_list=returns_list,
            max_wall_clock=self.batch_limit,
            logs=DriverLogs(self, context, self.stream_logs),
        )


class AztkSubmitApplicationsOperator(_SubmissionOperator):
    """Run several Spark applications on a cluster at once, and wait for all of them.

    The task's result is a list of dicts, each as :class:`AztkSubmitApplicationOperator` returns it.

    :param cluster_id: the cluster (templated), e.g. ``create.output["cluster_id"]``.
    :param applications: their definitions: dicts, models, or .yaml, .yml or .json files (templated). The names are
        prefixes, to which run, map index and try are added. ``secret_conf`` and ``secret_env`` name Airflow
        connections, as in ``"my_lake:password"``.
    :param stream_logs: write what the drivers print into the task's log, while they run; default True.

    With ``execution_timeout``, Azure Batch itself ends an application when that is over, unless ``cancel_on_kill`` is
    False. Further parameters: see
    :class:`~airflow_provider_aztk.operators.durable.AztkDurableOperator`.
    """

    template_fields: Sequence[str] = ("cluster_id", "applications", "aztk_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"applications": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("applications",)

    def __init__(self, *, applications: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.applications = self.normalize(applications)

    def make_work(self, context: Context) -> SubmitApplicationsWork:
        """Return the applications to submit."""
        return self._make_work(context, self.applications, returns_list=True)


class AztkSubmitApplicationOperator(_SubmissionOperator):
    """Run a Spark application on a cluster, and wait for it.

    What its driver prints is written into the task's log while it runs, also while the task is deferred. An
    application that ends non-zero fails the task, with the root cause, its exit code and the last lines of its driver.

    The task's result: ``{"cluster_id", "name", "state", "outcome", "exit_code", "failure", "start_time", "end_time"}``.

    :param application: its definition: dict, model, or .yaml, .yml or .json file (templated).

    Further parameters: see :class:`AztkSubmitApplicationsOperator`.
    """

    template_fields: Sequence[str] = ("cluster_id", "application", "aztk_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"application": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("application",)

    def __init__(self, *, application: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.application = self.normalize(application)

    def make_work(self, context: Context) -> SubmitApplicationsWork:
        """Return the application to submit."""
        return self._make_work(context, self.application, returns_list=False)
