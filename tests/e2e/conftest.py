"""One real Airflow and one local stack with stand-in Spark for all end-to-end tests of a session."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(HERE)]

from airflow_deployment import AirflowDeployment  # noqa: E402 - found by the path above
from local_stack import LocalStack  # noqa: E402
from processes import ProcessGroup  # noqa: E402
from world import APP_SECRET, World  # noqa: E402

from airflow_provider_aztk.client import Client, models  # noqa: E402
from airflow_provider_aztk.hooks.credentials import secrets_from_connection  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


PI = """print("Pi is roughly 3.14; said without Spark", flush=True)"""


def dags_folder(folder: Path) -> Path:
    """Put our DAGs and the examples into one folder; of the examples only the application needs real Spark."""
    shutil.copytree(HERE / "dags", folder / "e2e")
    shutil.copytree(ROOT / "example_dags", folder / "examples")
    (folder / "examples" / "apps" / "pi.py").write_text(PI)
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start everything once."""
    home = tmp_path_factory.mktemp("e2e")
    processes = ProcessGroup()
    try:
        stack = LocalStack(processes, home / "stack.log", env=os.environ, options=["--fake-spark"])
        airflow = AirflowDeployment(
            home / "airflow",
            dags_folder(home / "dags"),
            processes,
            env={
                "AIRFLOW_CONN_AZTK_DEFAULT": stack.connection,
                "AIRFLOW_CONN_CLUSTER_USER": json.dumps({"conn_type": "ssh", "password": APP_SECRET}),
                "AIRFLOW_CONN_E2E_LAKE": json.dumps({"conn_type": "generic", "password": APP_SECRET}),
                "AIRFLOW__AZTK__POLL_INTERVAL": "1",
                "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            },
            template=ROOT / ".run" / "airflow-template",
        )
        airflow.prepare()
        airflow.start()
        conn = json.loads(stack.connection)
        secrets = secrets_from_connection(
            host=conn["host"],
            login=conn["login"],
            password=conn["password"],
            port=conn.get("port"),
            extra=conn["extra"],
        )
        with Client(secrets) as client:
            airflow.wait_until_healthy()
            airflow.wait_for_dag("e2e_app")
            yield World(airflow, stack, client)
    finally:
        processes.stop()
        assert not processes.left()


@pytest.fixture(scope="session")
def shared(world: World) -> World:
    """The same, with a cluster that several tests use."""
    conf = models.ClusterConfiguration(cluster_id="standing", vm_count=4, vm_size="standard_d2s_v5")
    world.client.create_cluster(conf, wait=True)
    world.cluster_id = "standing"
    return world
