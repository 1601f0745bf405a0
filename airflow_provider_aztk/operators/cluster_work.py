"""Create one or several clusters: the work of the operators that create clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import redact

from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.limits import cluster_limits
from airflow_provider_aztk.configuration.several import built, definitions, error_context
from airflow_provider_aztk.exceptions import AztkClusterError, creation_errors
from airflow_provider_aztk.links.aztk import AztkSparkUiLink
from airflow_provider_aztk.naming import default_name, owner_metadata, remote_id
from airflow_provider_aztk.operators.task_state import Started
from airflow_provider_aztk.operators.work import Work, WorkStatus, for_each, named
from airflow_provider_aztk.settings import deployment_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aztk.client import Client, models
    from airflow_provider_aztk.exceptions import AztkTaskError
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["CreateClustersWork", "StartedClusters"]


@dataclass(frozen=True)
class StartedClusters(Started):
    """Clusters that a task creates, or uses where they exist.

    :param cluster_ids: their ids, in the order of the definitions.
    :param owner: the metadata that names their owner: a later try must define them as the first did.
    :param made_ids: those that this task makes; with exact ids, the others existed before.
    """

    cluster_ids: list[str]
    owner: dict[str, str]
    made_ids: list[str]


@dataclass(frozen=True)
class CreateClustersWork(Work[StartedClusters]):
    """Create clusters.

    :param configuration: the rendered field: one definition, or several of them.
    :param returns_list: whether it is several definitions, and the result a list.
    :param exact_id: use the ids as they are.
    :param max_lifetime: the operator's limit.
    :param idle_timeout: the operator's limit.
    """

    configuration: Any
    returns_list: bool
    exact_id: bool
    max_lifetime: timedelta | Literal["auto"] | None
    idle_timeout: timedelta | Literal["auto"] | None

    started_type: ClassVar[type[Started]] = StartedClusters
    failed_reason: ClassVar[str] = "an earlier try had made it, and it cannot be used"

    @property
    def has_unique_ids(self) -> bool:
        """Whether the ids are this run's: an exact one is shared by many runs."""
        return not self.exact_id

    @cached_property
    def definitions(self) -> list[models.ClusterConfiguration]:
        """The clusters, under the ids of this try."""
        given = definitions(self.configuration, "cluster_confs") if self.returns_list else [self.configuration]
        parts = [(value, index if len(given) > 1 else None) for index, value in enumerate(given)]
        return built(partial(self._definition, value, index) for value, index in parts)

    def _definition(self, value: Any, index: int | None) -> models.ClusterConfiguration:
        from airflow_provider_aztk.client import models

        field = "cluster_conf" if index is None else f"cluster_confs[{index}]"
        data = load(value, field)
        given, ti = _take_id(data, field), self.context["ti"]
        data["cluster_id"] = default_name(f"{ti.dag_id}-{ti.task_id}") if given is None else given
        with error_context(field, index is not None):
            folders = self.operator.search_folders
            model: models.ClusterConfiguration = to_model(models.ClusterConfiguration, data, folders)
        prefix = model.cluster_id if index is None else f"{model.cluster_id[:24]}-{index + 1}"
        run_limit = self.operator.dag.dagrun_timeout
        lifetime, idle = cluster_limits(
            model.max_lifetime, model.idle_timeout, self.max_lifetime, self.idle_timeout, run_limit
        )
        return replace(
            model,
            cluster_id=model.cluster_id if self.exact_id else remote_id(prefix, self.context),
            max_lifetime=lifetime,
            idle_timeout=idle,
        )

    # -- start them ----------------------------------------------------------------------------------------------

    def plan(self, client: Client) -> StartedClusters:
        """Return the clusters' ids, and which of them this task is going to make."""
        ids = [definition.cluster_id for definition in self.definitions]
        twice = sorted({cluster_id for cluster_id in ids if ids.count(cluster_id) > 1})
        if twice:
            raise ValueError(f"cluster_id={twice[0]!r} is given to several clusters: with exact_id each needs its own")
        existing = {cluster_id for cluster_id in ids if self.exact_id and _is_alive(client, cluster_id)}
        made = [cluster_id for cluster_id in ids if cluster_id not in existing]
        return StartedClusters(cluster_ids=ids, owner=self._owner(), made_ids=made)

    def _owner(self) -> dict[str, str]:
        owner = owner_metadata(self.context, deployment_id())
        if self.exact_id:  # shared by many runs, so that no single one of them is its owner
            return {**{key: owner[key] for key in ("airflow_deployment",) if key in owner}, "airflow_shared": "true"}
        return owner

    def submit(self, client: Client, started: StartedClusters) -> None:
        """Create the clusters; one that is incomplete is completed."""
        log = self.operator.log
        if self.exact_id:
            for cluster_id in started.made_ids:
                if client.delete_ended_cluster(cluster_id):
                    log.info("Cluster %s had ended; deleted, for a new one of the same id", cluster_id)
        # Ids and owner are the saved ones: a later try that completes a cluster must define it as the first did.
        found = [
            replace(definition, cluster_id=cluster_id, metadata={**definition.metadata, **started.owner})
            for definition, cluster_id in zip(self.definitions, started.cluster_ids, strict=True)
        ]
        for cluster in found:
            what = "Creating cluster" if cluster.cluster_id in started.made_ids else "Using the existing cluster"
            log.info("%s %s: %s nodes of %s", what, cluster.cluster_id, cluster.nodes, cluster.vm_size)
        with creation_errors():
            if len(found) == 1:
                client.create_cluster(found[0])
            else:
                client.create_clusters_in_parallel(found)

    def matches_definitions(self, started: StartedClusters) -> bool:
        """Return whether there are as many clusters as definitions."""
        return len(started.cluster_ids) == len(self.definitions)

    def begun_before(self, error: Exception, started: StartedClusters) -> StartedClusters | None:
        """Return the clusters that may have been created: the refusal of one says nothing of the others."""
        from airflow_provider_aztk.client import errors

        if len(started.cluster_ids) == 1:
            return super().begun_before(error, started)
        if not self.exact_id or not isinstance(error, errors.ClusterExistsError):
            return started
        # Another run has made it since the plan, so that it is not this task's to delete.
        return replace(started, made_ids=[made for made in started.made_ids if made != error.id])

    # -- handle what was started ---------------------------------------------------------------------------------

    def status(self, client: Client, started: StartedClusters) -> WorkStatus:
        """Return what became of clusters that an earlier try began to create."""
        from airflow_provider_aztk.client import errors

        states = []
        for cluster_id in started.cluster_ids:
            try:
                states.append(client.get_cluster(cluster_id).state)
            except errors.ClusterNotFoundError:
                return WorkStatus.INCOMPLETE
        if any(state.is_terminal for state in states):
            return WorkStatus.FAILED
        # One that is still being created may be incomplete: creating it again, under the same id, completes it.
        return WorkStatus.STARTED if all(state.is_successful for state in states) else WorkStatus.INCOMPLETE

    def cancel(self, client: Client, started: StartedClusters) -> list[str]:
        """Delete what this task made; a cluster that existed before stays."""
        return for_each(client.delete_cluster, started.made_ids)

    def cancel_cleared_run(self, started: StartedClusters, cancel: Callable[[str], object]) -> None:
        """Delete the clusters of a cleared run; one that is shared by many runs is not this run's."""
        if not self.exact_id:
            super().cancel_cleared_run(started, cancel)

    def describe(self, started: StartedClusters) -> str:
        return named("cluster", started.cluster_ids)

    def describe_cancelled(self, started: StartedClusters, ids: Sequence[str]) -> str:
        return f"{named('Cluster', ids)} deleted"

    def outputs(self, started: StartedClusters) -> dict[str, str]:
        """Return the clusters' ids; those of several are numbered from 1 in the order of their definitions."""
        if not self.returns_list:
            return {"cluster_id": started.cluster_ids[0]}
        return {f"cluster_id_{number}": cluster_id for number, cluster_id in enumerate(started.cluster_ids, start=1)}

    def push_links(self, client: Client, started: StartedClusters) -> None:
        self.operator.push_job_link(self.context, started.cluster_ids[0])
        self._push_cluster_links(client.get_cluster(started.cluster_ids[0]))

    def _push_cluster_links(self, cluster: models.Cluster) -> None:
        self.operator.push_pool_link(self.context, cluster.pool_id)
        self.operator.push_link(self.context, AztkSparkUiLink.key, cluster.spark_ui_url)

    # -- wait for them -------------------------------------------------------------------------------------------

    def trigger(self, started: StartedClusters, arguments: dict[str, Any]) -> AztkTrigger:
        """Wait for all of the clusters."""
        from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger

        return AztkClusterTrigger(cluster_ids=started.cluster_ids, made_ids=started.made_ids, **arguments)

    def unfinished_result(self, started: StartedClusters) -> Any:
        found = [{"cluster_id": cluster_id, "state": "creating"} for cluster_id in started.cluster_ids]
        return found if self.returns_list else found[0]

    def result(self, started: StartedClusters, event: WaitEvent) -> Any:
        """Return the clusters.

        :raises AztkClusterError: where one of them will not become available.
        """
        if event["status"] != "success":
            raise AztkClusterError(event["message"] or "the cluster cannot be used", code=event["code"])
        with self.operator.hook.get_client() as client:
            clusters = [client.get_cluster(cluster_id) for cluster_id in started.cluster_ids]
        for cluster in clusters:
            self._log_cluster(cluster)
        self._push_cluster_links(clusters[0])
        found = [_summary(cluster) for cluster in clusters]
        return found if self.returns_list else found[0]

    def reason_to_cancel(self, event: WaitEvent, error: AztkTaskError) -> str | None:
        """Return that all of them are deleted where one will not become available."""
        return f"the clusters cannot all be used ({event['code'] or event['status']})"

    def _log_cluster(self, cluster: models.Cluster) -> None:
        from airflow_provider_aztk.triggers.outcomes import workers_text

        write = self.operator.log.warning if cluster.failed_workers else self.operator.log.info
        for text in (workers_text(cluster), *map(str, cluster.failed_workers)):
            write("%s", redact(text))
        text = "Cluster %s can be used: %s nodes of %s, Spark master %s"
        self.operator.log.info(text, cluster.id, cluster.total_target_nodes, cluster.vm_size, cluster.spark_master_url)


def _take_id(data: dict[str, Any], field: str) -> Any:
    """Take the id out of a definition, which has another name for it in AZTK's files."""
    given = {key: data.pop(key) for key in ("cluster_id", "id") if key in data}
    ids = [value for value in given.values() if value is not None]
    if len(ids) > 1 and ids[0] != ids[1]:
        raise ValueError(f"{field}: cluster_id={ids[0]!r} and id={ids[1]!r} name the same thing; give one of them")
    return ids[0] if ids else None


def _is_alive(client: Client, cluster_id: str) -> bool:
    from airflow_provider_aztk.client import errors

    try:
        return not client.get_cluster(cluster_id).state.is_terminal
    except errors.ClusterNotFoundError:
        return False


def _summary(cluster: models.Cluster) -> dict[str, Any]:
    return {
        "cluster_id": cluster.id,
        "state": str(cluster.state),
        "pool_id": cluster.pool_id,
        "spark_master_url": cluster.spark_master_url,
        "spark_ui_url": cluster.spark_ui_url,
        "nodes": cluster.total_target_nodes,
        "vm_size": cluster.vm_size,
    }
