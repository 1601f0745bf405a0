"""``airflow aztk doctor`` and ``airflow aztk verify``: the connection is Airflow's."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from airflow_provider_aztk.cli.options import DOCTOR, VERIFY

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_aztk.cli.options import Command

__all__ = ["doctor", "verify"]


def doctor(args: Namespace) -> None:
    """Check what a cluster needs, without creating a node; exit code 1 where something is wrong."""
    _run(DOCTOR, args)


def verify(args: Namespace) -> None:
    """Run the product's main paths on the smallest cluster."""
    _run(VERIFY, args)


def _run(command: Command, args: Namespace) -> None:
    from airflow_provider_aztk.hooks.aztk import AztkHook

    package, _, name = command.main.rpartition(".")
    code = getattr(import_module(package), name)(args, lambda: AztkHook(args.conn_id).secrets)
    if code:
        raise SystemExit(code)
