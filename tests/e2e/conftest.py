"""One real Airflow and one local stack with fake Spark for all end-to-end tests of a session."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow_deployment import AirflowDeployment  # in scripts/, which pyproject.toml puts on the path
from local_stack import LocalStack
from processes import ProcessGroup

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.hooks.credentials import secrets_from_connection
from tests.e2e.airflow_stack import APP_SECRET, AirflowStack

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

PI = """print("Pi is roughly 3.14; said without Spark", flush=True)"""


def dags_folder(folder: Path) -> Path:
    """Put our DAGs and the examples into one folder; of the examples only the application needs real Spark."""
    shutil.copytree(HERE / "dags", folder / "e2e")
    shutil.copytree(ROOT / "example_dags", folder / "examples")
    (folder / "examples" / "apps" / "pi.py").write_text(PI)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that are marked ``last`` behind all others: they check what the others have left."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def airflow_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowStack]:
    """Start Airflow and the local stack, once for the session."""
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
                "AIRFLOW_CONN_MY_API": json.dumps({"conn_type": "generic", "password": APP_SECRET}),
                "AIRFLOW_CONN_MY_LAKE": json.dumps({"conn_type": "generic", "password": APP_SECRET}),
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
            yield AirflowStack(airflow, stack, client)
    finally:
        processes.stop()
        assert not processes.left()


@pytest.fixture(scope="session")
def shared_cluster(airflow_stack: AirflowStack) -> AirflowStack:
    """Return the same, with a running cluster that several tests use."""
    conf = models.ClusterConfiguration(cluster_id="standing", vm_count=4, vm_size="standard_d2s_v5")
    airflow_stack.client.create_cluster(conf, wait=True)
    airflow_stack.cluster_id = "standing"
    return airflow_stack
