"""The command line of the local stack: ``up`` runs it in the foreground, ``install`` fetches Azurite."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.settings import new_key
from airflow_provider_aztk.local.stack.azurite.install import install_azurite
from airflow_provider_aztk.local.stack.checks import UnusableError
from airflow_provider_aztk.local.stack.options import DEFAULT_ACCOUNT, StackOptions
from airflow_provider_aztk.local.stack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KEY_VARIABLE", "main"]


#: A key given here is on no command line.
KEY_VARIABLE = "AZTK_LOCAL_BATCH_KEY"
_PARENT_CHECK_SECONDS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        if options.command == "install":
            print(install_azurite())
            return 0
        return asyncio.run(_up(options))
    except UnusableError as error:
        for fault in error.faults:
            print(f"aztk-local: {fault}", file=sys.stderr)
        return 1
    except (RuntimeError, OSError) as error:
        print(f"aztk-local: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aztk-local", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="log more, to stderr")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="install Azurite into the user's cache and print where")
    up = commands.add_parser("up", help="run the stack in the foreground until SIGTERM or SIGINT")
    up.add_argument("--json", action="store_true", help="print one line of JSON when ready (the default)")
    up.add_argument("--batch-port", type=int, default=0, metavar="N", help="port of the Batch service (any free one)")
    up.add_argument("--blob-port", type=int, default=0, metavar="N", help="port of the blob service (any free one)")
    up.add_argument("--no-blob", action="store_true", help="do without Azurite")
    up.add_argument("--batch-account", default=DEFAULT_ACCOUNT, metavar="NAME", help="name of the Batch account")
    up.add_argument(
        "--batch-key",
        metavar="KEY",
        help=f"base64 key of the Batch account; better in {KEY_VARIABLE} (a new random one)",
    )
    up.add_argument("--spark-home", metavar="DIR", help="Spark for container tasks (the pyspark package's)")
    up.add_argument("--no-spark", action="store_true", help="do without Spark, and so without Java")
    up.add_argument("--fake-spark", action="store_true", help="light scripts that behave like Spark, for tests")
    up.add_argument(
        "--strict-azure",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="refuse what Azure refuses, such as a subnet with account keys (the default)",
    )
    up.add_argument("--data-dir", type=Path, metavar="DIR", help="keep nodes and blobs here (a temporary directory)")
    up.add_argument(
        "--recording",
        type=Path,
        metavar="FILE",
        help="behave as the account of this report of `airflow aztk verify` (its aztk-verify.json)",
    )
    up.add_argument("--exit-with-parent", action="store_true", help="stop when the starting process dies")
    return parser


async def _up(options: argparse.Namespace) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    watching = asyncio.create_task(_watch_parent(stopping)) if options.exit_with_parent else None
    stack = Stack(_stack_options(options))
    try:
        starting = asyncio.create_task(stack.start())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        elif starting.exception() is None:
            print(json.dumps(stack.describe()), flush=True)
            await stopped
        stopped.cancel()
        await asyncio.gather(starting, return_exceptions=not starting.done() or starting.cancelled())
    finally:
        await stack.stop()
        if watching is not None:
            watching.cancel()
    return 0


async def _watch_parent(stopping: asyncio.Event) -> None:
    """Stop when the parent is gone. (The kernel's own signal for that comes when the starting *thread* ends.)"""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells when a parent ends
        await asyncio.sleep(_PARENT_CHECK_SECONDS)
    stopping.set()


def _stack_options(options: argparse.Namespace) -> StackOptions:
    return StackOptions(
        batch_port=options.batch_port,
        blob_port=options.blob_port,
        blob=not options.no_blob,
        batch_account=options.batch_account,
        batch_key=options.batch_key or os.environ.get(KEY_VARIABLE) or new_key(),
        spark=not options.no_spark,
        spark_home=options.spark_home,
        fake_spark=options.fake_spark,
        strict_azure=options.strict_azure,
        data_dir=options.data_dir,
        recording=options.recording,
    )
