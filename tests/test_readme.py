"""What README shows is run: the script on the local stack, the DAG through Airflow's own parser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.local.testing import run_stack

ROOT = Path(__file__).parents[1]


def block(marker: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    (found,) = [text for text in blocks if marker in text]
    return str(found)


@pytest.mark.slow
def test_the_script_runs(tmp_path: Path) -> None:
    (tmp_path / "pi.py").write_text("print('Pi is roughly 3.14')\n")
    (tmp_path / ".aztk").mkdir()
    with run_stack("--fake-spark") as stack:
        shared_key = models.SharedKeyConfiguration(
            batch_account_name=stack.batch_account,
            batch_account_key=stack.batch_key,
            batch_service_url=stack.batch_endpoint,
            storage_account_name=str(stack.blob_account),
            storage_account_key=str(stack.blob_key),
            storage_service_url=stack.blob_endpoint,
        )
        secrets = models.SecretsConfiguration(shared_key=shared_key)
        (tmp_path / ".aztk" / "secrets.yaml").write_text(secrets.to_yaml())
        command = [sys.executable, "-c", block("Client(secrets)")]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "Pi is roughly 3.14" in done.stdout
        assert stack.admin.state()["jobs"] == 0


@pytest.mark.slow
def test_the_dag_parses(tmp_path: Path) -> None:
    text = block("with DAG(")
    assert len([line for line in text.splitlines() if line and not line.startswith(("from", "import"))]) <= 10
    (tmp_path / "dag.py").write_text(text)
    check = (
        "import runpy, sys\n"
        "names = runpy.run_path(sys.argv[1])\n"
        "dag = names['create'].dag\n"
        "print(dag.dag_id, sorted(dag.task_ids), names['delete'].is_teardown)\n"
    )
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [sys.executable, "-c", check, str(tmp_path / "dag.py")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "nightly_pi ['create', 'delete', 'run'] True"
