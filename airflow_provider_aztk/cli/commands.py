"""What ``airflow aztk clusters`` does; runs beside the metadata database, unlike the reap operator."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.utils.reaper import Owned, find, reap
from airflow_provider_aztk.utils.settings import deployment_id

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

__all__ = ["list_clusters", "reap_clusters"]

_COLUMNS = ("kind", "id", "state", "age", "dag", "run", "task", "run is over")


def list_clusters(args: Namespace) -> None:
    """List all clusters and jobs of the account."""
    with AztkHook(args.conn_id).get_client() as client:
        _print(list(find(client, deployment_id(), run_is_over)), args.output)


def reap_clusters(args: Namespace) -> None:
    """Remove, or list, what nobody needs any more."""
    deployment = deployment_id()
    with AztkHook(args.conn_id).get_client() as client:
        try:
            reaped = reap(
                client,
                find(client, deployment, run_is_over),
                deployment=deployment,
                dry_run=not args.yes,
                min_age=timedelta(minutes=args.min_age),
                keep_logs=args.keep_logs,
            )
        except ValueError as error:
            raise SystemExit(str(error)) from error
    _print(reaped.gone, args.output)
    if args.output == "table":
        count = len(reaped.gone)
        print(f"{count} removed" if args.yes else f"{count} would be removed; add --yes to do it")
    if reaped.failed:
        raise SystemExit("\n".join(f"{owned.kind} {owned.id} cannot be removed: {e}" for owned, e in reaped.failed))


def run_is_over(dag_id: str, run_id: str) -> bool:
    """Ask the metadata database whether a run is over, or does not exist any more."""
    from airflow.models.dagrun import DagRun  # noqa: TID251 - a command of the server's side, never run in a task
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        state = session.scalar(query)
    return state not in ("queued", "running")


def _print(found: Sequence[Owned], output: str) -> None:
    rows = [dict(zip(_COLUMNS, _row(owned), strict=True)) for owned in found]
    if output == "json":
        print(json.dumps(rows))
        return
    widths = {name: max([len(name), *(len(row[name]) for row in rows)]) for name in _COLUMNS}
    for row in [{name: name for name in _COLUMNS}, *rows]:
        print("  ".join(row[name].ljust(widths[name]) for name in _COLUMNS).rstrip())


def _row(owned: Owned) -> tuple[str, ...]:
    age = str(owned.age).partition(".")[0] if owned.age is not None else ""
    over = {True: "yes", False: "no", None: "unknown"}[owned.run_is_over]
    return (owned.kind, owned.id, owned.state, age, owned.dag_id, owned.run_id, owned.task_id, over)
