"""No secret is stored in Airflow's database, logs or files. Runs after the other tests, to search what they left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.airflow_stack import APP_SECRET

if TYPE_CHECKING:
    from tests.e2e.airflow_stack import AirflowStack

pytestmark = [pytest.mark.slow, pytest.mark.last]


def test_no_file_of_airflow_contains_a_secret(shared_cluster: AirflowStack) -> None:
    run_id, state = shared_cluster.run("e2e_app", seconds=0)
    assert state == "success"
    text = shared_cluster.text("e2e_app", run_id)
    assert "the secret is ***" in text, "the driver's own words are masked too"
    info = shared_cluster.local_stack.info
    secrets = {"app": APP_SECRET, "batch key": info["batch_key"], "blob key": info["blob_key"]}
    searched = [path for path in Path(shared_cluster.airflow.home).rglob("*") if path.is_file()]
    assert any(path.name == "airflow.db" for path in searched)
    assert sum("attempt=" in path.name for path in searched) >= 2

    found = [
        f"{name} in {path}"
        for path in searched
        for name, secret in secrets.items()
        if secret.encode() in path.read_bytes()
    ]

    assert not found
