"""What may import what in the local stack."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import airflow_provider_aztk.local as package

ROOT = Path(package.__file__).parent
NAME = package.__name__
LAYERS = ["api", "services", "execution", "store", "common"]
FILES = {file for file in ROOT.rglob("*.py") if "spark-home" not in file.parts}


def name_of(file: Path) -> str:
    """Return the name of a module."""
    return ".".join((NAME, *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(file): file for file in FILES}


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports anywhere, for type checking included."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inner or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_layers_of_the_emulator_import_only_downwards() -> None:
    rank = {name: place for place, name in enumerate(LAYERS)}
    checked = 0
    for layer, place in rank.items():
        for file in (ROOT / "batch" / layer).glob("*.py"):
            for module in imports(file):
                parts = module.split(".")
                if parts[:3] == ["airflow_provider_aztk", "local", "batch"] and len(parts) > 3:
                    checked += 1
                    if parts[3] == layer:
                        continue
                    assert rank.get(parts[3], -1) > place, f"{file.relative_to(ROOT)} imports {module}"
    assert checked > 100


@pytest.mark.parametrize(("folder", "allowed"), [("batch", f"{NAME}.batch"), ("stack", NAME)])
def test_the_local_stack_imports_nothing_else_of_the_package(folder: str, allowed: str) -> None:
    for file in FILES:
        if not file.is_relative_to(ROOT / folder):
            continue
        for module in imports(file):
            root = module.partition(".")[0]
            assert root not in ("airflow", "azure", "pyspark"), file
            assert root != "airflow_provider_aztk" or f"{module}.".startswith(f"{allowed}."), (file, module)


def test_no_import_leads_back_to_its_own_module() -> None:
    graph = defaultdict(set, {name: imports(file) & MODULES.keys() - {name} for name, file in MODULES.items()})
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
    assert len(order) > 60


def test_files_stay_small() -> None:
    sizes = {file: len(file.read_text().splitlines()) for file in FILES}
    assert len(sizes) > 60
    assert not {file.name: size for file, size in sizes.items() if size > 500}
