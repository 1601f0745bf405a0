"""Processes of a script: everything that they have started ends with them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import psutil
from processes import ProcessGroup

if TYPE_CHECKING:
    from pathlib import Path

# As Airflow starts a task: in a process group of its own, under another title, deaf to its parent's end.
PARENT = """
import os, sys, time
from pathlib import Path
import setproctitle

child = os.fork()
if not child:
    os.setpgid(0, 0)
    setproctitle.setproctitle("airflow worker -- LocalExecutor: " + "x" * 60)
    Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(60)
"""


def test_a_grandchild_with_a_group_and_a_title_of_its_own_is_found_and_ended(tmp_path: Path) -> None:
    processes = ProcessGroup()
    place = tmp_path / "pid"
    processes.start("parent", [sys.executable, "-c", PARENT, str(place)], env=os.environ, log=tmp_path / "log")
    try:
        end = time.monotonic() + 20
        while not (text := place.read_text() if place.exists() else ""):
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.05)
        grandchild = psutil.Process(int(text))
        assert grandchild.pid in processes.left()
    finally:
        processes.stop()
    assert processes.left() == []
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
