"""The command: read the connection and the definition, check, print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.doctor.findings import Finding, Report, Status

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from airflow_provider_aztk.client.models import SecretsConfiguration

__all__ = ["main"]


def main(args: Namespace, secrets: Callable[[], SecretsConfiguration]) -> int:
    """Check, print the report, and return the exit code: 1 where there is an error.

    :param args: ``conn_id``, ``cluster`` (a file, or None) and ``json``.
    :param secrets: reads the connection's credentials.
    """
    report = _report(args, secrets)
    print(report.json() if args.json else report.text())
    return report.exit_code


def _report(args: Namespace, secrets: Callable[[], SecretsConfiguration]) -> Report:
    from airflow_provider_aztk.client import errors

    subject = f"connection {args.conn_id!r}"
    try:
        found = secrets()
    except errors.AztkError as error:
        fix = "mend the fields that it names; docs/connection.md lists them all"
        return Report((Finding(status=Status.ERROR, check="connection", subject=subject, message=str(error), fix=fix),))
    except Exception as error:  # Airflow's; its text may repeat a URI with a key
        message = f"Airflow cannot read it ({type(error).__name__})"
        fix = "see `airflow connections list`, and give the id of a connection of type aztk in --conn-id"
        return Report((Finding(status=Status.ERROR, check="connection", subject=subject, message=message, fix=fix),))
    del found
    return Report((Finding(status=Status.OK, check="connection", subject=subject, message="complete"),))
