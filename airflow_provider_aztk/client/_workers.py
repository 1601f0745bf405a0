"""What is known of a cluster's workers: how many there are, and which will not start. Pure functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models import ApplicationState, FailedWorker, Outcome
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_aztk.client.models import Application, Failure

Json = dict[str, Any]

#: The filter for the workers' tasks that have ended, whatever ended them: one request, where workers are missing.
ENDED_WORKERS = f"state eq '{ApplicationState.COMPLETED}' and startswith(id,'{contract.WORKER_TASK_PREFIX}')"


def are_missing(master: bytes | None) -> bool:
    """Return whether a master that is ready has fewer workers than it should have, and has not reported why."""
    where = json.loads(master) if master else {}
    return bool(where) and where.get("workers", 0) + len(_reported(where)) < where.get("target_workers", 0)


def failed(
    where: Mapping[str, Any],
    tasks: Iterable[Application],
    bad_nodes: Sequence[Mapping[str, Any]],
    node_failure: Callable[[Mapping[str, Any]], Failure],
) -> tuple[FailedWorker, ...]:
    """List the workers that will not start.

    The master reports those whose code ran; Batch those whose task failed before (image, files), and nodes.

    :param where: the master's blob.
    :param tasks: tasks of workers.
    :param bad_nodes: nodes that cannot be used.
    """
    found = [
        FailedWorker(
            task_id=item.get("task_id"),
            node_id=item.get("node_id"),
            message=item.get("message") or "",
            last_lines=tuple(item.get("last_lines") or ()),
        )
        for item in _reported(where)
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


def _reported(where: Mapping[str, Any]) -> list[Json]:
    return list(where.get("failed_workers") or ())
