"""Submit one or several applications to a cluster: the work of the operators that submit applications."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.references import references, resolve
from airflow_provider_aztk.configuration.several import built, definitions, error_context
from airflow_provider_aztk.exceptions import AztkClusterError
from airflow_provider_aztk.links.aztk import AztkSparkUiLink
from airflow_provider_aztk.naming import checked_id, default_name, remote_id
from airflow_provider_aztk.operators.driver_logs import DriverLogs
from airflow_provider_aztk.operators.task_state import Started
from airflow_provider_aztk.operators.work import Work, WorkStatus, for_each, named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aztk.client import Client, models
    from airflow_provider_aztk.exceptions import AztkTaskError
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["StartedApplications", "SubmitApplicationsWork"]


@dataclass(frozen=True)
class StartedApplications(Started):
    """Applications that a task submits to a cluster.

    :param cluster_id: the cluster.
    :param application_names: their names, in the order of the definitions.
    """

    cluster_id: str
    application_names: list[str]


@dataclass(frozen=True)
class SubmitApplicationsWork(Work[StartedApplications]):
    """Submit applications.

    :param cluster_id: the rendered field.
    :param configuration: the rendered field: one definition, or several of them.
    :param returns_list: whether it is several definitions, and the result a list.
    :param max_wall_clock: how long Azure Batch lets an application run at most.
    :param logs: the drivers' logs.
    """

    cluster_id: str
    configuration: Any
    returns_list: bool
    max_wall_clock: timedelta | None
    logs: DriverLogs

    started_type: ClassVar[type[Started]] = StartedApplications

    @cached_property
    def definitions(self) -> list[models.ApplicationConfiguration]:
        """The applications, with their secrets, under the names of this try."""
        return built(partial(self._definition, data, index) for index, data in enumerate(self._loaded))

    @cached_property
    def _loaded(self) -> list[dict[str, Any]]:
        given = definitions(self.configuration, "applications") if self.returns_list else [self.configuration]
        return built(partial(load, value, _field(index, len(given))) for index, value in enumerate(given))

    def _definition(self, data: dict[str, Any], index: int) -> models.ApplicationConfiguration:
        from airflow_provider_aztk.client import models

        count = len(self._loaded)
        prefix = str(data.get("name") or default_name(self.operator.task_id))
        name = remote_id(f"{prefix[:24]}-{index + 1}" if count > 1 else prefix, self.context)
        with error_context(_field(index, count), count > 1):
            resolved = {**resolve(data, self.operator.hook.get_connection), "name": name}
            model: models.ApplicationConfiguration = to_model(
                models.ApplicationConfiguration, resolved, self.operator.search_folders
            )
        limits = [limit for limit in (model.max_wall_clock, self.max_wall_clock) if limit is not None]
        return replace(model, max_wall_clock=min(limits, default=None))

    # -- start them ----------------------------------------------------------------------------------------------

    def plan(self, client: Client) -> StartedApplications:
        """Return the applications' names."""
        checked_id(self.cluster_id, "cluster_id")
        return StartedApplications(self.cluster_id, [definition.name for definition in self.definitions])

    def submit(self, client: Client, started: StartedApplications) -> None:
        """Submit those applications that do not exist yet."""
        pairs = zip(self.definitions, started.application_names, strict=True)
        missing = [replace(definition, name=name) for definition, name in pairs if not _exists(client, started, name)]
        names = named("application", [definition.name for definition in missing])
        self.operator.log.info("Submitting %s to cluster %s", names, started.cluster_id)
        if len(missing) == 1:
            client.submit(started.cluster_id, missing[0])
        else:
            client.submit_all_applications(started.cluster_id, missing)

    def matches_definitions(self, started: StartedApplications) -> bool:
        """Return whether there are as many applications as definitions."""
        return len(started.application_names) == len(self.definitions)

    # -- handle what was started ---------------------------------------------------------------------------------

    def status(self, client: Client, started: StartedApplications) -> WorkStatus:
        """Return what became of applications that an earlier try submitted."""
        found = [_status(client, started, name) for name in started.application_names]
        worst = (WorkStatus.FAILED, WorkStatus.INCOMPLETE)
        return next((status for status in worst if status in found), WorkStatus.STARTED)

    def cancel(self, client: Client, started: StartedApplications) -> list[str]:
        """Stop the applications."""
        return for_each(lambda name: client.stop_application(started.cluster_id, name), started.application_names)

    def describe(self, started: StartedApplications) -> str:
        return f"{named('application', started.application_names)} on cluster {started.cluster_id}"

    def describe_cancelled(self, started: StartedApplications, ids: Sequence[str]) -> str:
        return f"{named('Application', ids)} on cluster {started.cluster_id} told to stop"

    def outputs(self, started: StartedApplications) -> dict[str, str]:
        """Return the name of a single application on its cluster."""
        return {} if self.returns_list else {"application_name": started.application_names[0]}

    def push_links(self, client: Client, started: StartedApplications) -> None:
        self.operator.push_job_link(self.context, started.cluster_id)
        cluster = client.get_cluster(started.cluster_id)
        self.operator.push_pool_link(self.context, cluster.pool_id)
        self.operator.push_link(self.context, AztkSparkUiLink.key, cluster.spark_ui_url)
        self.logs.push_link(cluster.container, started.application_names[0])

    # -- wait for them -------------------------------------------------------------------------------------------

    def trigger(self, started: StartedApplications, arguments: dict[str, Any]) -> AztkTrigger:
        """Wait for all of the applications."""
        from airflow_provider_aztk.triggers.application import AztkApplicationTrigger

        names = started.application_names
        secret_refs = [reference for data in self._loaded for reference in references(data)]
        return AztkApplicationTrigger(
            cluster_id=started.cluster_id,
            application_names=names,
            **self.logs.trigger_arguments(names, secret_refs),
            **arguments,
        )

    def prepare_deferral(self, trigger: AztkTrigger) -> None:
        self.logs.prepare_deferral(trigger)

    def unfinished_result(self, started: StartedApplications) -> Any:
        return self._shaped(started, [{"name": name, "state": "active"} for name in started.application_names])

    def result(self, started: StartedApplications, event: WaitEvent) -> Any:
        """Return what became of the applications, or raise it."""
        return self._shaped(started, self.logs.finish(started.cluster_id, event))

    def _shaped(self, started: StartedApplications, summaries: Sequence[Mapping[str, Any]]) -> Any:
        found = [{"cluster_id": started.cluster_id, **summary} for summary in summaries]
        return found if self.returns_list else found[0]

    def reason_to_cancel(self, event: WaitEvent, error: AztkTaskError) -> str | None:
        """Return the cluster's failure: applications that wait for it must not run if it does become available."""
        if not isinstance(error, AztkClusterError):
            return None
        return f"the cluster cannot run it ({event['code'] or event['status']})"


def _field(index: int, count: int) -> str:
    return "application" if count == 1 else f"applications[{index}]"


def _exists(client: Client, started: StartedApplications, name: str) -> bool:
    return _status(client, started, name) != WorkStatus.INCOMPLETE


def _status(client: Client, started: StartedApplications, name: str) -> WorkStatus:
    from airflow_provider_aztk.client import errors

    try:
        application = client.get_application(started.cluster_id, name)
    except errors.NotFoundError:
        return WorkStatus.INCOMPLETE
    if application.outcome is None:
        is_stopping = client.is_application_stopping(started.cluster_id, name)
        return WorkStatus.FAILED if is_stopping else WorkStatus.STARTED
    return WorkStatus.STARTED if application.outcome.is_successful else WorkStatus.FAILED
