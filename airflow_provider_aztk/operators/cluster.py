"""Operators for clusters: create one or several, delete, make a user."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, redact

from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.limits import AUTO, Limit, checked_limit, cluster_limits
from airflow_provider_aztk.configuration.several import built, definitions, naming_the_part
from airflow_provider_aztk.exceptions import AztkClusterError, being_made, final_errors
from airflow_provider_aztk.links.aztk import (
    AztkBatchJobLink,
    AztkBatchPoolLink,
    AztkSparkUiLink,
    batch_job_url,
    batch_pool_url,
)
from airflow_provider_aztk.naming import checked_id, default_name, owner_metadata, remote_id
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.deletion import AztkDeletionOperator
from airflow_provider_aztk.operators.remote import ABSENT, ALIVE, FAILED, AztkRemoteOperator, Remote, each, named
from airflow_provider_aztk.settings import deployment_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client, models
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = [
    "AztkCreateClusterOperator",
    "AztkCreateClustersOperator",
    "AztkCreateUserOperator",
    "AztkDeleteClusterOperator",
]


class AztkCreateClustersOperator(AztkRemoteOperator):
    """Create several Spark clusters on Azure Batch at once, and wait until all of them can be used.

    Where one of them cannot come, all are deleted and the task fails. The task's result is a list of dicts as
    :class:`AztkCreateClusterOperator` gives them; the ids are also there one by one, from the moment of the submission:
    ``create.output["cluster_id_1"]``, and so on.

    :param cluster_confs: their definitions: dicts, models, or .yaml, .yml or .json files (templated).
    :param exact_id: use the ids as they are. Default: each is a prefix, to which run, map index and try are added.
    :param max_lifetime: end a cluster after this long, unless its definition says when: a timedelta, seconds, or None
        for never; default ``"auto"``: 3 days, or longer where ``dagrun_timeout`` is. Azure Batch itself sees to it,
        whatever becomes of Airflow.
    :param idle_timeout: end a cluster that no application used for this long, unless its definition says when; default
        ``"auto"``: 1 hour, where that is shorter than the lifetime.
    :raises ValueError: for a limit that is none.

    Further parameters: see :class:`~airflow_provider_aztk.operators.remote.AztkRemoteOperator`.
    """

    template_fields: Sequence[str] = ("cluster_confs", "aztk_conn_id")
    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    template_fields_renderers: ClassVar[dict[str, str]] = {"cluster_confs": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("cluster_confs",)
    operator_extra_links = (AztkBatchJobLink(), AztkBatchPoolLink(), AztkSparkUiLink())

    def __init__(
        self,
        *,
        cluster_confs: Any,
        exact_id: bool = False,
        max_lifetime: Limit = AUTO,
        idle_timeout: Limit = AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cluster_confs = self.accept(cluster_confs)
        self.exact_id = exact_id
        self.max_lifetime = checked_limit("max_lifetime", max_lifetime)
        self.idle_timeout = checked_limit("idle_timeout", idle_timeout)

    def configurations(self) -> list[Any]:
        """Give the rendered definitions."""
        return definitions(self.cluster_confs, "cluster_confs")

    def plan(self, client: Client, context: Context) -> Remote:
        """Choose the clusters' ids, and note which of them this task is going to make."""
        ids = [model.cluster_id for model in self._models(context)]
        twice = sorted({cluster_id for cluster_id in ids if ids.count(cluster_id) > 1})
        if twice:
            raise ValueError(f"cluster_id={twice[0]!r} is given to several clusters: with exact_id each needs its own")
        there = {cluster_id for cluster_id in ids if self.exact_id and _is_alive(client, cluster_id)}
        return {
            "cluster_ids": ids,
            "owner": self._owner(context),
            "made_ids": [cluster_id for cluster_id in ids if cluster_id not in there],
        }

    def is_several(self, remote: Remote) -> bool:
        """Tell whether there is more than one cluster."""
        return len(remote["cluster_ids"]) > 1

    def owns(self, remote: Remote) -> bool:
        """Return whether the ids are this run's: an exact one is shared by many runs."""
        return not self.exact_id

    def fits(self, remote: Remote, context: Context) -> bool:
        """Return whether there are as many clusters as definitions."""
        return len(remote["cluster_ids"]) == len(self.configurations())

    def supersede(self, remote: Remote) -> None:
        """Delete the clusters of a cleared run; one that is shared by many runs is not this run's."""
        if not self.exact_id:
            super().supersede(remote)

    def submit(self, client: Client, remote: Remote, context: Context) -> None:
        """Create the clusters; one that is half made is finished."""
        from airflow_provider_aztk.client import errors

        if self.exact_id:
            for cluster_id in remote["made_ids"]:
                if client.delete_ended_cluster(cluster_id):
                    self.log.info("Cluster %s had ended; deleted, for a new one of the same id", cluster_id)
        # Ids and owner come from the note: a later try that finishes a cluster must define it as the first did.
        found = [
            dataclasses.replace(model, cluster_id=cluster_id, metadata={**model.metadata, **remote["owner"]})
            for model, cluster_id in zip(self._models(context), remote["cluster_ids"], strict=True)
        ]
        for model in found:
            what = "Creating cluster" if model.cluster_id in remote["made_ids"] else "Using the existing cluster"
            self.log.info("%s %s: %s nodes of %s", what, model.cluster_id, model.nodes, model.vm_size)
        try:
            with being_made():
                if len(found) == 1:
                    client.create_cluster(found[0])
                else:
                    client.create_clusters_in_parallel(found)
        except errors.ClusterExistsError as error:
            if self.exact_id:  # another run has made it since the plan: it is not this task's to delete
                remote["made_ids"] = [made for made in remote["made_ids"] if made != error.id]
            raise

    def look(self, client: Client, remote: Remote) -> str:
        """Tell what became of clusters that an earlier try began to create."""
        from airflow_provider_aztk.client import errors

        states = []
        for cluster_id in remote["cluster_ids"]:
            try:
                states.append(client.get_cluster(cluster_id).state)
            except errors.ClusterNotFoundError:
                return ABSENT
        if any(state.is_terminal for state in states):
            self._cancel_quietly(remote, "an earlier try had made it, and it cannot be used")
            return FAILED
        # One that is still being created may be half made: creating it again, under the same id, finishes it.
        return ALIVE if all(state.is_successful for state in states) else ABSENT

    def cancel(self, client: Client, remote: Remote) -> list[str]:
        """Delete what this task made; a cluster that was there before stays."""
        return each(client.delete_cluster, remote["made_ids"])

    def describe(self, remote: Remote) -> str:
        """Name the clusters."""
        return named("cluster", remote["cluster_ids"])

    def cancelled(self, remote: Remote, ids: Sequence[str]) -> str:
        """Return that they are deleted."""
        return f"{named('Cluster', ids)} deleted"

    def make_trigger(self, remote: Remote, context: Context, deadline: float | None) -> AztkTrigger:
        """Wait for all of the clusters."""
        from airflow_provider_aztk.triggers.cluster import AztkClusterTrigger

        return AztkClusterTrigger(
            cluster_ids=remote["cluster_ids"],
            aztk_conn_id=self.aztk_conn_id,
            poll_interval=self.poll_interval,
            deadline=deadline,
            cancel_on_kill=self.cancel_on_kill,
            made_ids=remote["made_ids"],
            remote=remote,
        )

    def complete(self, event: WaitEvent, context: Context) -> Any:
        """Give the clusters; delete them where one cannot come."""
        from airflow_provider_aztk.triggers.outcomes import workers_text

        remote = event["remote"]
        if event["status"] != "success":
            self._cancel_quietly(remote, f"the clusters cannot all be used ({event['code'] or event['status']})")
            raise AztkClusterError(event["message"] or "the cluster cannot be used", code=event["code"])
        with self.hook.get_client() as client:
            clusters = [client.get_cluster(cluster_id) for cluster_id in remote["cluster_ids"]]
        for cluster in clusters:
            tell = self.log.warning if cluster.failed_workers else self.log.info
            for text in (workers_text(cluster), *map(str, cluster.failed_workers)):
                tell("%s", redact(text))
            self.log.info(
                "Cluster %s can be used: %s nodes of %s, Spark master %s",
                cluster.id, cluster.total_target_nodes, cluster.vm_size, cluster.spark_master_url,
            )  # fmt: skip
        self._push_cluster_links(context, clusters[0])
        return self._shaped([_cluster_summary(cluster) for cluster in clusters])

    def outputs(self, remote: Remote) -> dict[str, str]:
        """Tell other tasks the clusters' ids, numbered from 1 in the order of their definitions."""
        return {f"cluster_id_{number}": cluster_id for number, cluster_id in enumerate(remote["cluster_ids"], start=1)}

    def result(self, remote: Remote) -> Any:
        """Give the ids, where the task does not wait."""
        return self._shaped([{"cluster_id": cluster_id, "state": "creating"} for cluster_id in remote["cluster_ids"]])

    def _shaped(self, summaries: list[dict[str, Any]]) -> Any:
        return summaries

    def show(self, client: Client, remote: Remote, context: Context) -> None:
        """Link to the Batch job; the pool follows when Azure has named it."""
        url = batch_job_url(self.hook.secrets, remote["cluster_ids"][0])
        self.push_link(context, AztkBatchJobLink.key, url)
        self._push_cluster_links(context, client.get_cluster(remote["cluster_ids"][0]))

    def _push_cluster_links(self, context: Context, cluster: models.Cluster) -> None:
        if cluster.pool_id:
            self.push_link(context, AztkBatchPoolLink.key, batch_pool_url(self.hook.secrets, cluster.pool_id))
        self.push_link(context, AztkSparkUiLink.key, cluster.spark_ui_url)

    def _models(self, context: Context) -> list[models.ClusterConfiguration]:
        given = self.configurations()
        parts = [(value, index if len(given) > 1 else None) for index, value in enumerate(given)]
        return built(partial(self._model, value, index, context) for value, index in parts)

    def _model(self, value: Any, index: int | None, context: Context) -> models.ClusterConfiguration:
        from airflow_provider_aztk.client import models

        field = "cluster_conf" if index is None else f"cluster_confs[{index}]"
        data = load(value, field)
        given, ti = _take_id(data, field), context["ti"]
        data["cluster_id"] = default_name(f"{ti.dag_id}-{ti.task_id}") if given is None else given
        with naming_the_part(field, index is not None):
            model: models.ClusterConfiguration = to_model(models.ClusterConfiguration, data, self.search_folders)
        prefix = model.cluster_id if index is None else f"{model.cluster_id[:24]}-{index + 1}"
        lifetime, idle = cluster_limits(
            model.max_lifetime, model.idle_timeout, self.max_lifetime, self.idle_timeout, self.dag.dagrun_timeout
        )
        return dataclasses.replace(
            model,
            cluster_id=model.cluster_id if self.exact_id else remote_id(prefix, context),
            max_lifetime=lifetime,
            idle_timeout=idle,
        )

    def _owner(self, context: Context) -> dict[str, str]:
        owner = owner_metadata(context, deployment_id())
        if self.exact_id:  # shared by many runs, so that no single one of them is its owner
            return {**{key: owner[key] for key in ("airflow_deployment",) if key in owner}, "airflow_shared": "true"}
        return owner


class AztkCreateClusterOperator(AztkCreateClustersOperator):
    """Create a Spark cluster on Azure Batch, and wait until it can be used.

    A cluster that cannot come (quota, allocation, image) is deleted again, and the task fails with Azure's reason. Use
    it as a setup task, with :class:`AztkDeleteClusterOperator` as its teardown, or take
    :class:`~airflow_provider_aztk.task_groups.cluster.AztkClusterTaskGroup`, which does so.

    The task's result: ``{"cluster_id", "state", "pool_id", "spark_master_url", "spark_ui_url", "nodes", "vm_size"}``.

    :param cluster_conf: its definition: dict, model, or .yaml, .yml or .json file (templated).

    Further parameters: see :class:`AztkCreateClustersOperator`.
    """

    template_fields: Sequence[str] = ("cluster_conf", "aztk_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"cluster_conf": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("cluster_conf",)

    def __init__(self, *, cluster_conf: Any, **kwargs: Any) -> None:
        super().__init__(cluster_confs=(), **kwargs)
        self.cluster_conf = self.accept(cluster_conf)

    def configurations(self) -> list[Any]:
        """Give the rendered definition."""
        return [self.cluster_conf]

    def outputs(self, remote: Remote) -> dict[str, str]:
        """Tell other tasks the cluster's id."""
        return {"cluster_id": remote["cluster_ids"][0]}

    def _shaped(self, summaries: list[dict[str, Any]]) -> Any:
        return summaries[0]


class AztkDeleteClusterOperator(AztkDeletionOperator):
    """Delete a cluster; one that does not exist (any more) is fine.

    Its Batch job goes and, with it, its pool and nodes. The task's result: whether there was something to delete.

    :param cluster_id: the cluster (templated), e.g. ``create.output["cluster_id"]``.

    Further parameters: see :class:`~airflow_provider_aztk.operators.deletion.AztkDeletionOperator`.
    """

    template_fields: Sequence[str] = ("cluster_id", "aztk_conn_id")

    def __init__(self, *, cluster_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id

    @property
    def deleted_id(self) -> str:
        """The cluster's id."""
        return self.cluster_id

    def check(self) -> None:
        """Check the rendered id."""
        checked_id(self.cluster_id, "cluster_id")

    def delete(self, client: Client) -> bool:
        """Delete the cluster."""
        return client.delete_cluster(self.cluster_id, keep_logs=self.keep_logs)


class AztkCreateUserOperator(AztkOperator):
    """Create a user on every node of a cluster, for SSH.

    Without ``credentials_conn_id`` the user gets the public key of the aztk connection (``ssh_pub_key``).

    :param cluster_id: the cluster (templated).
    :param username: the user's name (templated).
    :param credentials_conn_id: a connection whose password, or whose extra ``ssh_pub_key``, the user gets.
    """

    template_fields: Sequence[str] = ("cluster_id", "username", "credentials_conn_id", "aztk_conn_id")

    def __init__(
        self, *, cluster_id: str, username: str, credentials_conn_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.cluster_id = cluster_id
        self.username = username
        self.credentials_conn_id = credentials_conn_id

    def execute(self, context: Context) -> None:
        """Create the user."""
        with final_errors():
            checked_id(self.cluster_id, "cluster_id")
            password, key = self._credentials()
        with final_errors(self.hook), self.hook.get_client() as client:
            client.create_user(self.cluster_id, self.username, password=password, ssh_key=key)
        self.log.info("User %s can log in to the nodes of %s", self.username, self.cluster_id)

    def _credentials(self) -> tuple[str | None, str | None]:
        """Give password and public key, one of the two."""
        if not self.credentials_conn_id:
            return None, self.hook.secrets.ssh_pub_key
        connection = self.hook.get_connection(self.credentials_conn_id)
        extra: Any = connection.extra_dejson  # whatever JSON there is
        key = extra.get("ssh_pub_key") if isinstance(extra, dict) else None
        if not key and not connection.password:
            fix = "the connection has neither a password nor an extra ssh_pub_key; give it one of them"
            raise AirflowFailException(f"credentials_conn_id={self.credentials_conn_id!r}: {fix}")
        return (None, key) if key else (connection.password, None)


def _take_id(data: dict[str, Any], field: str) -> Any:
    """Take the id out of a definition, which has another name for it in AZTK's files."""
    given = {key: data.pop(key) for key in ("cluster_id", "id") if key in data}
    named = [value for value in given.values() if value is not None]
    if len(named) > 1 and named[0] != named[1]:
        raise ValueError(f"{field}: cluster_id={named[0]!r} and id={named[1]!r} name the same thing; give one of them")
    return named[0] if named else None


def _is_alive(client: Client, cluster_id: str) -> bool:
    from airflow_provider_aztk.client import errors

    try:
        return not client.get_cluster(cluster_id).state.is_terminal
    except errors.ClusterNotFoundError:
        return False


def _cluster_summary(cluster: models.Cluster) -> dict[str, Any]:
    return {
        "cluster_id": cluster.id,
        "state": str(cluster.state),
        "pool_id": cluster.pool_id,
        "spark_master_url": cluster.spark_master_url,
        "spark_ui_url": cluster.spark_ui_url,
        "nodes": cluster.total_target_nodes,
        "vm_size": cluster.vm_size,
    }
