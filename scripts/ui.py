"""``make ui``: a standing Airflow with the local stack and the example DAGs; Ctrl-C stops everything."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from airflow_deployment import AirflowDeployment, DeploymentError
from local_stack import LocalStack, StackError
from processes import ProcessGroup, interruptible

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"
EXAMPLES = ROOT / "example_dags"


def main() -> int:
    """Start everything, say where it is, and stop it when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="port of the web page (any free one)")
    parser.add_argument("--fake-spark", action="store_true", help="light scripts instead of Spark")
    parser.add_argument("--no-login", action="store_true", help="let everybody in as administrator")
    args = parser.parse_args()
    RUN.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="ui-", dir=RUN))
    processes = ProcessGroup()
    result = 0
    try:
        with interruptible():
            try:
                serve(args, home, processes)
            except KeyboardInterrupt:
                say("Stopping everything")
            except (DeploymentError, StackError) as error:
                say(f"Airflow could not be started, or has ended: {error}")
                result = 1
            finally:
                processes.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return result


def serve(args: argparse.Namespace, home: Path, processes: ProcessGroup) -> None:
    """Start the stack and the four processes of Airflow, and wait until one of them ends."""
    say("Starting the local Azure Batch and Storage, and Airflow")
    options = ["--fake-spark"] if args.fake_spark else []
    stack = LocalStack(processes, home / "local-stack.log", env=os.environ, options=options)
    airflow = AirflowDeployment(
        home / "airflow",
        EXAMPLES,
        processes,
        env={"AIRFLOW_CONN_AZTK_DEFAULT": stack.connection, "AIRFLOW_CONN_CLUSTER_USER": cluster_user()},
        template=RUN / "airflow-template",
        all_admins=args.no_login,
        port=args.port,
    )
    airflow.prepare()
    airflow.start()
    airflow.wait_until_healthy()
    for example in EXAMPLES.glob("*.py"):
        airflow.wait_for_dag(example.stem)
    login = "no login is needed" if args.no_login else f"user admin, password {airflow.password}"
    say(f"Azure Batch is at {stack.info['web_page']}")
    say(f"Airflow is at {airflow.url} ({login}); Ctrl-C stops everything")
    while (name := processes.died()) is None:
        time.sleep(1)
    raise DeploymentError(f"{name} has ended")


def cluster_user() -> str:
    """Make the connection of the user whom example_aztk_several creates."""
    return json.dumps({"conn_type": "generic", "password": secrets.token_urlsafe(16)})


def say(text: str) -> None:
    """Print a line."""
    print(f"[ui] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
