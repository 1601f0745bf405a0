"""What a type checker sees of the package: its public names have types, and wrong uses of them are errors."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "airflow_provider_aztk"
LAZY = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in (ROOT / PACKAGE).rglob("__init__.py")
    if "__getattr__" in path.read_text(encoding="utf-8")
)
WRONG = """
from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.hooks import AztkHook
from airflow_provider_aztk.links import AztkLink
from airflow_provider_aztk.operators import AztkNothing, AztkSubmitApplicationOperator
from airflow_provider_aztk.sensors import AztkClusterSensor
from airflow_provider_aztk.task_groups import AztkClusterTaskGroup
from airflow_provider_aztk.triggers import AztkClusterTrigger

Client(secrets="a key")
models.ClusterConfiguration(cluster_id="c", size="two")
AztkHook("aztk_default", 3)
AztkSubmitApplicationOperator(task_id="t", cluster_id="c")
AztkClusterSensor(task_id="t", cluster_id=7)
AztkClusterTaskGroup(group_id="g", cluster=3)
AztkClusterTrigger(cluster_ids=5)
AztkHook().get_cleint()
AztkLink().xcom_keys
"""


def test_every_public_package_is_lazy() -> None:
    public = ("client", "client.models", "hooks", "links", "operators", "sensors", "task_groups", "triggers")
    assert [f"{PACKAGE}.{name}" for name in public] == LAZY
    assert (ROOT / PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize("name", LAZY)
def test_every_lazy_name_is_imported_for_type_checkers(name: str) -> None:
    tree = ast.parse((ROOT / name.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    branches = [node for node in tree.body if isinstance(node, ast.If)]
    for_checkers = [node for branch in branches if ast.unparse(branch.test) == "TYPE_CHECKING" for node in branch.body]
    imported = {
        alias.name: node.module for node in for_checkers if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    always = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    package = importlib.import_module(name)
    wanted = {public: getattr(package, public).__module__ for public in package.__all__ if public not in always}
    assert imported == wanted
    at_run_time = [
        node for branch in branches if ast.unparse(branch.test) == "not TYPE_CHECKING" for node in branch.body
    ]
    assert "__getattr__" in ast.unparse(at_run_time[0]), "a checker that sees it takes every misspelled name for Any"


@pytest.mark.slow
def test_a_users_program_is_checked(tmp_path: Path) -> None:
    names = [(name, public) for name in [*LAZY, f"{PACKAGE}.client.models"] for public in _classes(name)]
    right = [f"from {name} import {public}\nreveal_type({public})" for name, public in names]
    (tmp_path / "right.py").write_text("\n".join(right) + "\n")
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--no-error-summary",
        *(str(tmp_path / f"{x}.py") for x in ("right", "wrong")),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)

    revealed = re.findall(r'right\.py:\d+: note: Revealed type is "(.*)"', done.stdout)
    assert len(revealed) == len(names), done.stdout + done.stderr
    for (name, public), shown in zip(names, revealed, strict=True):
        assert re.match(r"(def|Overload)\b.*\bairflow_provider_aztk\.", shown), f"{name}.{public} is {shown}"
    assert "right.py" not in "\n".join(line for line in done.stdout.splitlines() if ": error: " in line)
    found = {int(number) for number in re.findall(r"wrong\.py:(\d+): error: ", done.stdout)}
    assert found == _lines_that_are_wrong(), done.stdout


def _classes(name: str) -> list[str]:
    package = importlib.import_module(name)
    return [public for public in package.__all__ if isinstance(getattr(package, public), type)]


def _lines_that_are_wrong() -> set[int]:
    lines = enumerate(WRONG.splitlines(), start=1)
    return {number for number, line in lines if "AztkNothing" in line or (line and not line.startswith("from "))}
