"""After all other tests of the session: no secret has been left anywhere in Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from world import APP_SECRET

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.slow


def test_no_secret_in_airflow(shared: World) -> None:
    run_id, state = shared.run("e2e_app", seconds=0)
    assert state == "success"
    text = shared.text("e2e_app", run_id)
    assert "the secret is ***" in text, "the driver's own words are masked too"
    info = shared.stack.info
    secrets = {"app": APP_SECRET, "batch key": info["batch_key"], "blob key": info["blob_key"]}
    searched = [path for path in Path(shared.airflow.home).rglob("*") if path.is_file()]
    assert any(path.name == "airflow.db" for path in searched)
    assert sum("attempt=" in path.name for path in searched) >= 2

    found = [
        f"{name} in {path}"
        for path in searched
        for name, secret in secrets.items()
        if secret.encode() in path.read_bytes()
    ]

    assert not found
