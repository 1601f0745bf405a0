"""``python -m airflow_provider_aztk doctor|verify``: without Airflow; the connection is in the environment."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from airflow_provider_aztk.cli.options import COMMANDS


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and return its exit code.

    :param arguments: default those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_aztk", description="Spark on Azure Batch")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.name, help=command.help, description=command.description)
        for option in command.options:
            subparser.add_argument(*option.flags, **option.settings)
        subparser.set_defaults(main=command.main)
    args = parser.parse_args(arguments)
    from airflow_provider_aztk.hooks.connection import environment_secrets

    package, _, name = args.main.rpartition(".")
    code: int = getattr(import_module(package), name)(args, lambda: environment_secrets(args.conn_id))
    return code


if __name__ == "__main__":
    sys.exit(main())
