"""A task group with a Spark cluster of its own: created before its tasks, deleted after them whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskGroup

from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator, AztkDeleteClusterOperator

if TYPE_CHECKING:
    from types import TracebackType

    from airflow.providers.common.compat.sdk import BaseOperator, XComArg

__all__ = ["AztkClusterTaskGroup"]


class AztkClusterTaskGroup(TaskGroup):
    """Create a Spark cluster for the tasks of a group.

    The cluster is created by a setup task and deleted by its teardown, so that it goes whether the tasks succeed or
    not, and comes back when one of them is cleared::

        with AztkClusterTaskGroup("spark", cluster_conf={"vm_count": 2}) as spark:
            AztkSubmitApplicationOperator(task_id="pi", cluster_id=spark.cluster_id, application=...)

    :param group_id: the group's id.
    :param cluster_conf: the cluster's definition, as
        :class:`~airflow_provider_aztk.operators.cluster.AztkCreateClusterOperator` takes it.
    :param aztk_conn_id: the connection of type ``aztk``.
    :param create_args: further arguments of the create operator.
    :param delete_args: further arguments of the delete operator.
    """

    def __init__(
        self,
        group_id: str,
        *,
        cluster_conf: Any,
        aztk_conn_id: str = "aztk_default",
        create_args: dict[str, Any] | None = None,
        delete_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(group_id=group_id, **kwargs)
        self.cluster_conf = cluster_conf
        self.aztk_conn_id = aztk_conn_id
        self.create_args = create_args or {}
        self.delete_args = delete_args or {}
        self.create_task: AztkCreateClusterOperator | None = None
        self._is_open = False

    @property
    def cluster_id(self) -> XComArg:
        """The id of the group's cluster, for tasks of the group: outside, nobody would wait for them to end.

        :raises ValueError: outside of the ``with`` block.
        """
        if self.create_task is None or not self._is_open:
            raise ValueError("cluster_id is for tasks inside of `with AztkClusterTaskGroup(...)`; move the task there")
        output: Any = self.create_task.output
        found: XComArg = output["cluster_id"]
        return found

    def __enter__(self) -> AztkClusterTaskGroup:
        """Begin the group with the task that creates the cluster."""
        super().__enter__()
        try:
            self.create_task = AztkCreateClusterOperator(
                task_id="create_cluster",
                cluster_conf=self.cluster_conf,
                aztk_conn_id=self.aztk_conn_id,
                **self.create_args,
            )
        except BaseException as error:
            super().__exit__(type(error), error, error.__traceback__)  # type: ignore[no-untyped-call]  # as below
            raise
        self._is_open = True
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the group with the task that deletes the cluster."""
        try:
            if exc_type is None and self.create_task is not None:
                self._surround(self.create_task)
        finally:
            self._is_open = False
            super().__exit__(exc_type, exc, traceback)  # type: ignore[no-untyped-call]  # Airflow gives no types

    def _surround(self, create: AztkCreateClusterOperator) -> None:
        inside: list[Any] = [task for task in self.iter_tasks() if task is not create]
        ids = {task.task_id for task in inside}
        # A task that uses the cluster's id is after create by that alone; a root is one with nothing else before it.
        roots = [task for task in inside if not task.upstream_task_ids & ids]
        leaves = [task for task in inside if not task.downstream_task_ids & ids]
        delete = AztkDeleteClusterOperator(
            task_id="delete_cluster",
            cluster_id=self.cluster_id,  # type: ignore[arg-type]  # a template field takes another task's output
            aztk_conn_id=self.aztk_conn_id,
            **self.delete_args,
        )
        _chain(create, roots, leaves, delete)
        delete.as_teardown(setups=create)


def _chain(create: BaseOperator, roots: list[Any], leaves: list[Any], delete: BaseOperator) -> None:
    if not roots:
        create >> delete
    for task in roots:
        create >> task
    for task in leaves:
        task >> delete
