"""The acceptance run: a small cluster on a real account, to compare Azure with the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from airflow_provider_aztk.client.models import SecretsConfiguration

__all__ = ["main"]


def main(args: Namespace, read_secrets: Callable[[], SecretsConfiguration]) -> int:
    """Run the command, and return its exit code.

    :param args: the options of the command line.
    :param read_secrets: reads the credentials of the connection.
    """
    from airflow_provider_aztk.verify.command import run_command

    return run_command(args, read_secrets)
