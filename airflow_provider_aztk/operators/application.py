"""Operators for applications on a cluster: submit one or several, and wait for them."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.references import references, resolve
from airflow_provider_aztk.configuration.several import built, definitions, naming_the_part
from airflow_provider_aztk.exceptions import AztkClusterError
from airflow_provider_aztk.links.aztk import (
    AztkBatchJobLink,
    AztkBatchPoolLink,
    AztkDriverLogLink,
    AztkSparkUiLink,
    batch_job_url,
    batch_pool_url,
    log_url,
)
from airflow_provider_aztk.naming import checked_id, default_name, remote_id
from airflow_provider_aztk.operators.logs import AztkLogOperator
from airflow_provider_aztk.operators.remote import ABSENT, ALIVE, FAILED, Remote, each, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client, models
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["AztkSubmitApplicationOperator", "AztkSubmitApplicationsOperator"]


class AztkSubmitApplicationsOperator(AztkLogOperator):
    """Run several Spark applications on a cluster at once, and wait for all of them.

    The task's result is a list of dicts as :class:`AztkSubmitApplicationOperator` gives them.

    :param cluster_id: the cluster (templated), e.g. ``create.output["cluster_id"]``.
    :param applications: their definitions: dicts, models, or .yaml, .yml or .json files (templated). The names are
        prefixes, to which run, map index and try are added. ``secret_conf`` and ``secret_env`` name Airflow
        connections, as in ``"my_lake:password"``.
    :param stream_logs: write what the drivers print into the task's log, while they run; default True.

    With ``execution_timeout``, Azure Batch itself ends an application when that is over, unless ``cancel_on_kill`` is
    False. Further parameters: see
    :class:`~airflow_provider_aztk.operators.remote.AztkRemoteOperator`.
    """

    template_fields: Sequence[str] = ("cluster_id", "applications", "aztk_conn_id")
    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    template_fields_renderers: ClassVar[dict[str, str]] = {"applications": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("applications",)
    operator_extra_links = (AztkBatchJobLink(), AztkBatchPoolLink(), AztkSparkUiLink(), AztkDriverLogLink())

    def __init__(self, *, cluster_id: str, applications: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.applications = self.accept(applications)

    def configurations(self) -> list[Any]:
        """Give the rendered definitions."""
        return definitions(self.applications, "applications")

    def plan(self, client: Client, context: Context) -> Remote:
        """Choose the applications' names."""
        checked_id(self.cluster_id, "cluster_id")
        self._models(
            [remote_id("name", context)] * len(self.configurations())
        )  # say what is wrong before anything is noted
        names = [self._remote_name(data, index, context) for index, data in enumerate(self._loaded())]
        return {"cluster_id": self.cluster_id, "application_names": names}

    def submit(self, client: Client, remote: Remote, context: Context) -> None:
        """Submit those applications that are not there yet."""
        models_ = self._models(remote["application_names"])
        missing = [model for model in models_ if self._state(client, remote, model.name) == ABSENT]
        names = [model.name for model in missing]
        self.log.info("Submitting %s to cluster %s", named("application", names), remote["cluster_id"])
        if len(missing) == 1:
            client.submit(remote["cluster_id"], missing[0])
        else:
            client.submit_all_applications(remote["cluster_id"], missing)

    def look(self, client: Client, remote: Remote) -> str:
        """Tell what became of applications that an earlier try submitted."""
        states = [self._state(client, remote, name) for name in remote["application_names"]]
        if FAILED in states:
            self._cancel_quietly(remote, "an earlier try had submitted it, and it did not succeed")
            return FAILED
        return ABSENT if ABSENT in states else ALIVE

    def _state(self, client: Client, remote: Remote, name: str) -> str:
        from airflow_provider_aztk.client import errors

        try:
            application = client.get_application(remote["cluster_id"], name)
        except errors.NotFoundError:
            return ABSENT
        if application.outcome is None:
            return FAILED if client.is_application_stopping(remote["cluster_id"], name) else ALIVE
        return ALIVE if application.outcome.is_successful else FAILED

    def fits(self, remote: Remote, context: Context) -> bool:
        """Return whether there are as many applications as definitions."""
        return len(remote["application_names"]) == len(self.configurations())

    def cancel(self, client: Client, remote: Remote) -> list[str]:
        """Stop the applications."""
        return each(lambda name: client.stop_application(remote["cluster_id"], name), remote["application_names"])

    def describe(self, remote: Remote) -> str:
        """Name the applications and their cluster."""
        return f"{named('application', remote['application_names'])} on cluster {remote['cluster_id']}"

    def cancelled(self, remote: Remote, ids: Sequence[str]) -> str:
        """Return that they were told to stop."""
        return f"{named('Application', ids)} on cluster {remote['cluster_id']} told to stop"

    def make_trigger(self, remote: Remote, context: Context, deadline: float | None) -> AztkTrigger:
        """Wait for all of the applications."""
        from airflow_provider_aztk.triggers.application import AztkApplicationTrigger

        return AztkApplicationTrigger(
            cluster_id=remote["cluster_id"],
            application_names=remote["application_names"],
            aztk_conn_id=self.aztk_conn_id,
            poll_interval=self.poll_interval,
            deadline=deadline,
            cancel_on_kill=self.cancel_on_kill,
            remote=remote,
            log_names=remote["application_names"] if self.stream_logs else None,
            secret_refs=[reference for data in self._loaded() for reference in references(data)],
            deferred_links=self.late_links,
        )

    def complete(self, event: WaitEvent, context: Context) -> Any:
        """Give what became of the applications, or raise it."""
        remote = event["remote"]
        try:
            summaries = self.finished(remote["cluster_id"], event, context)
        except AztkClusterError:
            # They wait for a cluster that cannot come, and must not run if it does.
            self._cancel_quietly(remote, f"the cluster cannot run it ({event['code'] or event['status']})")
            raise
        return self._shaped([{"cluster_id": remote["cluster_id"], **summary} for summary in summaries])

    def result(self, remote: Remote) -> Any:
        """Give the names, where the task does not wait."""
        return self._shaped(
            [
                {"cluster_id": remote["cluster_id"], "name": name, "state": "active"}
                for name in remote["application_names"]
            ]
        )

    def _shaped(self, summaries: list[dict[str, Any]]) -> Any:
        return summaries

    def show(self, client: Client, remote: Remote, context: Context) -> None:
        """Link to Batch job and pool, Spark's page and the driver's log."""
        secrets = self.hook.secrets
        self.push_link(context, AztkBatchJobLink.key, batch_job_url(secrets, remote["cluster_id"]))
        cluster = client.get_cluster(remote["cluster_id"])
        if cluster.pool_id:
            self.push_link(context, AztkBatchPoolLink.key, batch_pool_url(secrets, cluster.pool_id))
        self.push_link(context, AztkSparkUiLink.key, cluster.spark_ui_url)
        self.push_link(
            context, AztkDriverLogLink.key, log_url(secrets, cluster.container, remote["application_names"][0])
        )

    def _loaded(self) -> list[dict[str, Any]]:
        given = self.configurations()
        return built(partial(load, value, self._field(index, len(given))) for index, value in enumerate(given))

    @staticmethod
    def _field(index: int, count: int) -> str:
        return "application" if count == 1 else f"applications[{index}]"

    def _remote_name(self, data: dict[str, Any], index: int, context: Context) -> str:
        name = str(data.get("name") or default_name(self.task_id))
        several = len(self.configurations()) > 1
        return remote_id(f"{name[:24]}-{index + 1}" if several else name, context)

    def _models(self, names: Sequence[str]) -> list[models.ApplicationConfiguration]:
        loaded = self._loaded()
        parts = enumerate(zip(loaded, names, strict=True))
        return built(partial(self._part, index, data, name, len(loaded)) for index, (data, name) in parts)

    def _part(self, index: int, data: dict[str, Any], name: str, count: int) -> models.ApplicationConfiguration:
        with naming_the_part(self._field(index, count), count > 1):
            return self._model(data, name)

    def _model(self, data: dict[str, Any], name: str) -> models.ApplicationConfiguration:
        from airflow_provider_aztk.client import models

        resolved = resolve(data, self.hook.get_connection)
        model: models.ApplicationConfiguration = to_model(
            models.ApplicationConfiguration, {**resolved, "name": name}, self.search_folders
        )
        limits = [limit for limit in (model.max_wall_clock, self.batch_limit) if limit is not None]
        return dataclasses.replace(model, max_wall_clock=min(limits, default=None))


class AztkSubmitApplicationOperator(AztkSubmitApplicationsOperator):
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
        super().__init__(applications=(), **kwargs)
        self.application = self.accept(application)

    def configurations(self) -> list[Any]:
        """Give the rendered definition."""
        return [self.application]

    def outputs(self, remote: Remote) -> dict[str, str]:
        """Tell other tasks the application's name on its cluster."""
        return {"application_name": remote["application_names"][0]}

    def _shaped(self, summaries: list[dict[str, Any]]) -> Any:
        return summaries[0]
