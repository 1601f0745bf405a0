"""The commands of ``airflow aztk clusters``. They read Airflow's metadata database, which a task cannot."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.reaper import Owned, find, reap
from airflow_provider_aztk.settings import deployment_id, no_deployment_id

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

__all__ = ["list_clusters", "reap_clusters"]

_COLUMNS = ("kind", "id", "state", "age", "dag", "run", "task", "run is over")


def list_clusters(args: Namespace) -> None:
    """Print all clusters and jobs of the account."""
    with _errors_in_one_line():
        deployment = deployment_id()
        with AztkHook(args.conn_id).get_client() as client:
            found = list(find(client, deployment, run_is_over))
        _print(found, args.output)
        if not deployment:
            print(f"Whether a run is over is unknown: {no_deployment_id()}", file=sys.stderr)


def reap_clusters(args: Namespace) -> None:
    """Remove, or without ``--yes`` only list, the clusters and jobs whose DAG run is over."""
    with _errors_in_one_line():
        deployment = deployment_id()
        with AztkHook(args.conn_id).get_client() as client:
            reaped = reap(
                client,
                find(client, deployment, run_is_over),
                deployment=deployment,
                dry_run=not args.yes,
                min_age=_minutes(args.min_age),
                keep_logs=args.keep_logs,
            )
        _print(reaped.removed, args.output)
        if args.output == "table":
            count = len(reaped.removed)
            print(f"{count} removed" if args.yes else f"{count} would be removed; add --yes to do it")
    if reaped.failed:
        raise SystemExit("\n".join(f"{owned.kind} {owned.id} cannot be removed: {e}" for owned, e in reaped.failed))


@contextlib.contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """End with exit code 1 and one line on standard error, without a traceback, where a command fails."""
    from airflow.providers.common.compat.sdk import AirflowException, redact
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_provider_aztk.client import errors
    from airflow_provider_aztk.hooks.form_labels import with_form_labels

    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe has ended (``| head``). Otherwise Python would report the failed flush at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SQLAlchemyError as error:
        text = (str(redact(str(error))).splitlines() or [type(error).__name__])[0]  # without the SQL and its values
        fix = "see that [database] sql_alchemy_conn names it, and that `airflow db migrate` was run"
        raise SystemExit(f"airflow aztk: Airflow's database cannot be read: {text}; {fix}") from None
    except (errors.AztkError, AirflowException, ValueError, OSError) as error:
        text = " ".join(with_form_labels(str(redact(str(error)))).split())
        raise SystemExit(f"airflow aztk: {text or type(error).__name__}") from None


def _minutes(value: float) -> timedelta:
    try:
        if value < 0:
            raise ValueError
        return timedelta(minutes=value)
    except (ValueError, OverflowError):
        raise ValueError(f"--min-age={value:g}: give a number of minutes, 0 or more") from None


def run_is_over(dag_id: str, run_id: str) -> bool:
    """Return whether a DAG run is over or deleted, from the metadata database."""
    from airflow.models.dagrun import DagRun  # noqa: TID251 - the server side; never runs in a task
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
