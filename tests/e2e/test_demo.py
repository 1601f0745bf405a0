"""``make demo`` with real Spark: what it prints and leaves behind, and that Ctrl-C stops all of it at any moment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.e2e.leftovers import MARK, processes_with

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = [sys.executable, str(ROOT / "scripts" / "demo.py")]

pytestmark = pytest.mark.slow


@pytest.mark.timeout(1500)
def test_the_demo() -> None:
    mark = uuid.uuid4().hex
    done = subprocess.run(
        DEMO, env={**os.environ, MARK: mark}, capture_output=True, text=True, check=False, timeout=1400
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"^ +\d\d:\d\d:\d\d info +Pi is roughly 3\.1\d+", done.stdout, re.MULTILINE)
    for task in ("create_cluster", "run_pi", "delete_cluster"):
        assert re.search(rf"^ +{task} +success +\d\d:\d\d:\d\d +\d", done.stdout, re.MULTILINE)
    assert "Nothing is left in the Batch account" in done.stdout
    assert processes_with(mark) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("after", ["Starting", "starting the DAG"])
def test_ctrl_c_stops_everything(after: str) -> None:
    mark = uuid.uuid4().hex
    before = set((ROOT / ".run").glob("demo-*"))
    with subprocess.Popen(
        DEMO, env={**os.environ, MARK: mark}, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if after in line:
                break
        time.sleep(3)
        assert len(processes_with(mark)) > 1
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        code = demo.wait(timeout=240)
    assert code == 130, rest
    assert "No process is left running" in rest
    assert processes_with(mark) == []
    left = set((ROOT / ".run").glob("demo-*")) - before
    assert not left, [str(path) for home in left for path in home.rglob("*")]
