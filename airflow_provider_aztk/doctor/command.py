"""The command: read the connection and the definition, check, print."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from airflow_provider_aztk.doctor.findings import Finding, Report, error, ok

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.client.models import ClusterConfiguration, SecretsConfiguration

__all__ = ["diagnose", "main"]


def main(args: Namespace, secrets: Callable[[], SecretsConfiguration]) -> int:
    """Check, print the report, and return the exit code: 1 where there is an error.

    :param args: ``conn_id``, ``cluster`` (a file, or None) and ``json``.
    :param secrets: reads the connection's credentials.
    """
    for name in ("azure", "azure.identity"):  # what they warn of stands in the report
        logging.getLogger(name).setLevel(logging.ERROR)
    report = _report(args, secrets)
    try:
        print(report.json() if args.json else report.text(), flush=True)
    except BrokenPipeError:
        # The reader of the pipe has ended (``| head``). Otherwise Python would report the failed flush at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return report.exit_code


def diagnose(secrets: SecretsConfiguration, cluster: ClusterConfiguration) -> Report:
    """Check what a cluster needs, without creating a node.

    :param secrets: the credentials.
    :param cluster: what is to be created.
    """
    from airflow_provider_aztk.doctor.run import run

    return Report(tuple(run(secrets, cluster)), tuple(_secret_values(secrets)))


def _report(args: Namespace, secrets: Callable[[], SecretsConfiguration]) -> Report:
    from airflow_provider_aztk.client import errors
    from airflow_provider_aztk.doctor.definition import read_cluster

    subject = f"connection {args.conn_id!r}"
    try:
        found = secrets()
    except errors.AztkError as wrong:
        fix = "mend the fields that it names; docs/connection.md lists them all"
        return Report((error("connection", subject, str(wrong), fix),))
    except Exception as wrong:  # Airflow's; its text may repeat a URI with a key
        message = f"Airflow cannot read it ({type(wrong).__name__})"
        fix = "see `airflow connections list`, and give the id of a connection of type aztk in --conn-id"
        return Report((error("connection", subject, message, fix),))
    first: Finding = ok("connection", subject, "complete")
    try:
        cluster = read_cluster(args.cluster, found)
    except (ValueError, errors.AztkError) as wrong:
        fix = "mend the fields that it names; docs/configuration.md lists them all"
        findings = (first, error("definition", f"definition {args.cluster!r}", str(wrong), fix))
        return Report(findings, tuple(_secret_values(found)))
    report = diagnose(found, cluster)
    of = f"of {args.cluster!r}" if args.cluster else "without --cluster"
    shape = f"{cluster.nodes} nodes of {cluster.vm_size} with {cluster.docker_repo}"
    return Report((first, ok("definition", f"definition {of}", shape), *report.findings), report.secrets)


def _secret_values(secrets: SecretsConfiguration) -> Iterator[str]:
    """Yield what no output may hold."""
    if secrets.shared_key is not None:
        yield secrets.shared_key.batch_account_key
        yield secrets.shared_key.storage_account_key
    if secrets.service_principal is not None and secrets.service_principal.credential:
        yield secrets.service_principal.credential
    if secrets.docker is not None:
        yield secrets.docker.password
    if secrets.ssh_priv_key:
        yield secrets.ssh_priv_key
