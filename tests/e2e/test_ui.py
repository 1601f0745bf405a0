"""``make ui``: a standing Airflow with a login, the examples and the local stack, until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.leftovers import MARK, processes_with

ROOT = Path(__file__).resolve().parent.parent.parent
UI = [sys.executable, str(ROOT / "scripts" / "ui.py"), "--fake-spark"]
TOLD = re.compile(r"Azure Batch is at (\S+)\n.*Airflow is at (\S+) \(user admin, password (\S+)\)")

pytestmark = pytest.mark.slow


def ask(url: str, body: Any = None, token: str = "") -> Any:
    """Call Airflow's API."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.loads(answer.read())


def test_it_stands_until_it_is_interrupted() -> None:
    mark = uuid.uuid4().hex
    before = set((ROOT / ".run").glob("ui-*"))
    environment = {**os.environ, MARK: mark}
    with subprocess.Popen(UI, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True) as ui:
        assert ui.stdout is not None
        said = ""
        for line in ui.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        told = TOLD.search(said)
        assert told is not None, said
        batch, airflow, password = told.groups()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(f"{airflow}/api/v2/dags")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(f"{airflow}/auth/token", {"username": "admin", "password": "admin"})
        token = ask(f"{airflow}/auth/token", {"username": "admin", "password": password})["access_token"]
        examples = {path.stem for path in (ROOT / "example_dags").glob("*.py")}
        assert examples <= {dag["dag_id"] for dag in ask(f"{airflow}/api/v2/dags", token=token)["dags"]}
        with urllib.request.urlopen(batch, timeout=10) as page:
            assert "There is no job" in page.read().decode()
        assert len(processes_with(mark)) > 5
        ui.send_signal(signal.SIGINT)
        rest = ui.stdout.read()
        code = ui.wait(timeout=60)
    assert code == 0, rest
    assert processes_with(mark) == []
    left = set((ROOT / ".run").glob("ui-*")) - before
    assert not left, [str(path) for home in left for path in home.rglob("*")]
