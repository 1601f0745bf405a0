"""What is known of a cluster's workers: how many there are, and which will not start. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models import ApplicationState, FailedWorker, Outcome
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_aztk.client.models import Application, Failure

#: The filter for the workers' tasks that have ended, whatever ended them: one request, where workers are missing.
ENDED_WORKERS = f"state eq '{ApplicationState.COMPLETED}' and startswith(id,'{contract.WORKER_TASK_PREFIX}')"


def are_missing(master: contract.Master | None) -> bool:
    """Return whether a master that is ready has fewer workers than it should have, and has not reported why."""
    return master is not None and master.workers + len(master.failed_workers) < master.target_workers


def failed(
    reported: Iterable[contract.FailedWorker],
    tasks: Iterable[Application],
    bad_nodes: Sequence[Mapping[str, Any]],
    node_failure: Callable[[Mapping[str, Any]], Failure],
) -> tuple[FailedWorker, ...]:
    """List the workers that will not start.

    The master reports those whose code ran; Batch those whose task failed before (image, files), and nodes.

    :param reported: those of the master.
    :param tasks: tasks of workers.
    :param bad_nodes: nodes that cannot be used.
    """
    found = [
        FailedWorker(task_id=one.task_id, node_id=one.node_id, message=one.message, last_lines=tuple(one.last_lines))
        for one in reported
    ]
    known = {worker.task_id for worker in found}
    for task in tasks:
        ended = task.state.is_terminal and task.outcome not in (Outcome.SUCCESS, Outcome.STOPPED)
        if ended and task.name not in known:
            found.append(FailedWorker(task_id=task.name, node_id=task.node_id, message=str(task.failure)))
    nodes = {worker.node_id for worker in found}
    found += [
        FailedWorker(task_id=None, node_id=node.get("id"), message=str(node_failure(node)))
        for node in bad_nodes
        if node.get("id") not in nodes
    ]
    return tuple(found)
