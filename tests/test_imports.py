"""What importing the DAG author's modules costs and loads: no Azure, no client, no models of Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "parse_time.py"
MOST_MODULES = 60  # about half are Airflow's own; how long it takes, the benchmark tells


@pytest.mark.slow
def test_parse_time_and_what_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--ours-only", "--json", "--runs", "3"],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["forbidden"] == []
    assert len(found["modules"]) >= 8
    assert found["ours_new"] <= MOST_MODULES
