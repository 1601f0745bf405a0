"""The Python of a driver on fake Spark: its requirements, and one that cannot be used."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract
from tests.node.commands.driver.support import PLAIN
from tests.node.harness import probe_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.node.harness import FakeBatch, Task


@pytest.mark.slow
def test_requirements_are_installed(cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path) -> None:
    listed = tmp_path / "requirements.txt"
    listed.write_text(f"--no-index\n{probe_wheel(tmp_path)}\n")
    task = run(PLAIN + "import aztk_probe\nprint(aztk_probe.WORD)", requirements=cluster.upload(listed))
    assert task.process.returncode == 0, task.output
    assert b"installed\n" in cluster.log("app")
    listed.write_text("--no-index\nthere-is-no-such-package\n")
    failed = run(PLAIN, name="other", requirements=cluster.upload(listed))
    assert failed.process.returncode == contract.EXIT_SCRIPT_FAILED
    assert b"there-is-no-such-package" in cluster.log("other")


def _python(directory: Path, name: str, body: str = "") -> Path:
    """Make a command that is a Python, and notes what it was run for."""
    path = directory / name
    path.write_text(f'#!/bin/sh\necho "{name} $@" >> {directory}/calls\n{body}\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return path


def _installers(directory: Path) -> set[str]:
    calls = (directory / "calls").read_text().splitlines() if (directory / "calls").exists() else []
    return {call.split()[0] for call in calls if " -m pip install " in call}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["env", "secret_env", "conf", "driver conf", "defaults", "spark-env"])
def test_requirements_are_installed_with_the_python_that_runs_the_driver(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path, where: str
) -> None:
    theirs = str(_python(tmp_path, "theirs"))
    listed = tmp_path / "requirements.txt"
    listed.write_text(f"--no-index\n{probe_wheel(tmp_path)}\n")
    definition: dict[str, Any] = {"requirements": cluster.upload(listed)}
    files = {"defaults": "spark-defaults.conf", "spark-env": "spark-env.sh"}
    if where == "env":
        definition["env"] = {"PYSPARK_PYTHON": theirs}
    elif where == "secret_env":
        cluster.put_json(
            contract.ApplicationBlobs("app").secrets, {"conf": {}, "env": {"PYSPARK_DRIVER_PYTHON": theirs}}
        )
    elif where.endswith("conf"):
        definition["conf"] = {"spark.pyspark.driver.python" if "driver" in where else "spark.pyspark.python": theirs}
    else:
        text = f"spark.pyspark.python {theirs}\n" if where == "defaults" else f"PYSPARK_PYTHON={theirs}\n"
        cluster.put(contract.ClusterBlobs.CONF_PREFIX + files[where], text.encode())
    try:
        task = run(PLAIN + "import aztk_probe\nprint(aztk_probe.WORD)", **definition)
    finally:
        cluster.define(worker_on_master=False)
        if where in files:
            cluster.container.delete_blob(contract.ClusterBlobs.CONF_PREFIX + files[where])
    assert task.process.returncode == 0, task.output
    assert b"installed\n" in cluster.log("app")
    assert _installers(tmp_path) == {"theirs"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('[ "$2" = pip ] && exit 1', b"has no pip: use an image"),
        ("exit 1", b"is no Python on this node: correct PYSPARK_PYTHON"),
    ],
)
def test_a_python_that_cannot_install_is_reported(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path, body: str, text: bytes
) -> None:
    listed = tmp_path / "requirements.txt"
    listed.write_text("aztk-probe\n")
    env = {"PYSPARK_PYTHON": str(_python(tmp_path, "theirs", body))}
    task = run(PLAIN, env=env, requirements=cluster.upload(listed))
    assert task.process.returncode == contract.EXIT_SCRIPT_FAILED
    assert text in cluster.log("app")
    assert b"theirs" in cluster.log("app")


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
def test_executors_of_another_python_refuse_binaries(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path, binary: bool
) -> None:
    wheel = probe_wheel(tmp_path)
    if binary:
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("aztk_speed.cpython-x.so", "binary")
    listed = tmp_path / "requirements.txt"
    listed.write_text(f"--no-index\n{wheel}\n")
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho 3 6 cpython-36m\n")
    other.chmod(0o755)
    env = {"PYSPARK_PYTHON": str(other), "PYSPARK_DRIVER_PYTHON": str(_python(tmp_path, "driver"))}
    task = run(PLAIN, env=env, requirements=cluster.upload(listed))
    assert task.process.returncode == (contract.EXIT_SCRIPT_FAILED if binary else 0), task.output
    if binary:
        assert b"(Python 3.6), which cannot load aztk_speed.cpython-x.so: name one Python" in cluster.log("app")
