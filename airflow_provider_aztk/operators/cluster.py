"""Operators for clusters: create one or several, delete, create a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aztk.configuration.limits import AUTO, Limit, checked_limit
from airflow_provider_aztk.exceptions import final_errors
from airflow_provider_aztk.links.aztk import AztkBatchJobLink, AztkBatchPoolLink, AztkSparkUiLink
from airflow_provider_aztk.naming import checked_id
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.operators.cluster_work import CreateClustersWork
from airflow_provider_aztk.operators.deletion import AztkDeletionOperator
from airflow_provider_aztk.operators.durable import AztkDurableOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client

__all__ = [
    "AztkCreateClusterOperator",
    "AztkCreateClustersOperator",
    "AztkCreateUserOperator",
    "AztkDeleteClusterOperator",
]


class _CreationOperator(AztkDurableOperator):
    """What the operators for one cluster and for several share."""

    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    operator_extra_links = (AztkBatchJobLink(), AztkBatchPoolLink(), AztkSparkUiLink())

    def __init__(
        self,
        *,
        exact_id: bool = False,
        max_lifetime: Limit = AUTO,
        idle_timeout: Limit = AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.exact_id = exact_id
        self.max_lifetime = checked_limit("max_lifetime", max_lifetime)
        self.idle_timeout = checked_limit("idle_timeout", idle_timeout)

    def _make_work(self, context: Context, configuration: Any, *, returns_list: bool) -> CreateClustersWork:
        return CreateClustersWork(
            operator=self,
            context=context,
            configuration=configuration,
            returns_list=returns_list,
            exact_id=self.exact_id,
            max_lifetime=self.max_lifetime,
            idle_timeout=self.idle_timeout,
        )


class AztkCreateClustersOperator(_CreationOperator):
    """Create several Spark clusters on Azure Batch at once, and wait until all of them can be used.

    Where one of them will not become available, all are deleted and the task fails. The task's result is a list of
    dicts, each as :class:`AztkCreateClusterOperator` returns it; the ids are also there one by one, from the moment of
    the submission: ``create.output["cluster_id_1"]``, and so on.

    :param cluster_confs: their definitions: dicts, models, or .yaml, .yml or .json files (templated).
    :param exact_id: use the ids as they are. Default: each is a prefix, to which run, map index and try are added.
    :param max_lifetime: end a cluster after this long, unless its definition says when: a timedelta, seconds, or None
        for never; default ``"auto"``: 3 days, or longer where ``dagrun_timeout`` is. Azure Batch itself sees to it,
        whatever becomes of Airflow.
    :param idle_timeout: end a cluster that no application used for this long, unless its definition says when; default
        ``"auto"``: 1 hour, where that is shorter than the lifetime.
    :raises ValueError: for a limit that is none.

    Further parameters: see :class:`~airflow_provider_aztk.operators.durable.AztkDurableOperator`.
    """

    template_fields: Sequence[str] = ("cluster_confs", "aztk_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"cluster_confs": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("cluster_confs",)

    def __init__(self, *, cluster_confs: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_confs = self.normalize(cluster_confs)

    def make_work(self, context: Context) -> CreateClustersWork:
        """Return the clusters to create."""
        return self._make_work(context, self.cluster_confs, returns_list=True)


class AztkCreateClusterOperator(_CreationOperator):
    """Create a Spark cluster on Azure Batch, and wait until it can be used.

    A cluster that will not become available (quota, allocation, image) is deleted again, and the task fails with
    Azure's reason. Use it as a setup task, with :class:`AztkDeleteClusterOperator` as its teardown, or take
    :class:`~airflow_provider_aztk.task_groups.cluster.AztkClusterTaskGroup`, which does so.

    The task's result: ``{"cluster_id", "state", "pool_id", "spark_master_url", "spark_ui_url", "nodes", "vm_size"}``.

    :param cluster_conf: its definition: dict, model, or .yaml, .yml or .json file (templated).

    Further parameters: see :class:`AztkCreateClustersOperator`.
    """

    template_fields: Sequence[str] = ("cluster_conf", "aztk_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"cluster_conf": "json"}
    file_fields: ClassVar[tuple[str, ...]] = ("cluster_conf",)

    def __init__(self, *, cluster_conf: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cluster_conf = self.normalize(cluster_conf)

    def make_work(self, context: Context) -> CreateClustersWork:
        """Return the cluster to create."""
        return self._make_work(context, self.cluster_conf, returns_list=False)


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
        """Return password and public key, one of the two."""
        if not self.credentials_conn_id:
            return None, self.hook.secrets.ssh_pub_key
        connection = self.hook.get_connection(self.credentials_conn_id)
        extra: Any = connection.extra_dejson  # whatever JSON there is
        key = extra.get("ssh_pub_key") if isinstance(extra, dict) else None
        if not key and not connection.password:
            fix = "the connection has neither a password nor an extra ssh_pub_key; give it one of them"
            raise AirflowFailException(f"credentials_conn_id={self.credentials_conn_id!r}: {fix}")
        return (None, key) if key else (connection.password, None)
