"""Run one command of the node code; the protocol stands in :mod:`airflow_provider_aztk.node.contract`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import List, Optional

from airflow_provider_aztk.node.commands import finish
from airflow_provider_aztk.node.contract import BUNDLE_NAME, ApplicationBlobs
from airflow_provider_aztk.node.errors import NodeError, TerminatedError
from airflow_provider_aztk.node.log.messages import log

COMMANDS = {
    "master": "run Spark's master, and a worker beside it, as the job manager task",
    "worker": "run a Spark worker for the master that the cluster's container names",
    "gate": "end with 0 once all workers had their chance to be placed",
    "driver": "run one application; its name is the id of the Batch task",
    "finish": "end with 0; its exit condition in Batch then ends an AZTK job",
}


def main(argv: Optional[List[str]] = None) -> int:
    """Parse the command line, run the command, and return the exit code of the task."""
    parser = argparse.ArgumentParser(
        prog=BUNDLE_NAME, description="The code of one node of a Spark cluster on Azure Batch."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, description=text)
    command = parser.parse_args(argv).command
    if command == "finish":
        return finish.run()
    try:
        return _run(command)
    except TerminatedError as error:
        log(str(error))
        return error.exit_code
    except NodeError as error:
        log(f"{command}: {error}")
        return error.exit_code


def _run(command: str) -> int:
    # Imported late: --help and finish need none of it.
    from airflow_provider_aztk.node.context import open_context
    from airflow_provider_aztk.node.process.signals import Signals
    from airflow_provider_aztk.node.timings import Timings

    module = importlib.import_module(f"airflow_provider_aztk.node.commands.{command}")
    own = (lambda task: [ApplicationBlobs(task).access]) if command == "driver" else (lambda task: [])
    with open_context(os.environ, Signals().install(), Timings.from_environment(os.environ), own) as context:
        code: int = module.run(context)
    return code


if __name__ == "__main__":
    sys.exit(main())
