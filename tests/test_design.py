"""docs/design.md names functions that exist, and CONTRIBUTING.md files and folders that exist."""

from __future__ import annotations

import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DESIGN = ROOT / "docs" / "design.md"
PACKAGE = ROOT / "airflow_provider_aztk"
#: The folders that CONTRIBUTING.md's paths are relative to.
BASES = (ROOT, PACKAGE, PACKAGE / "local" / "batch")
OF_THE_SDK = {"azure/batch/_operations/_operations.py"}
#: Each section with such names, and the package that the names are below.
SECTIONS = {
    "### The way of a cluster's configuration, from the operator to the REST body": "airflow_provider_aztk",
    "### The way of a task through the emulator": "airflow_provider_aztk.local.batch",
}


@pytest.mark.parametrize("title", SECTIONS)
def test_every_function_that_design_md_names_exists(title: str) -> None:
    section = DESIGN.read_text(encoding="utf-8").split(f"{title}\n")[1].split("\n## ")[0].split("\n### ")[0]
    names = re.findall(r"`([\w.]+:[\w.]+)`", section)
    assert len(names) > 10
    assert [name for name in names if not exists(SECTIONS[title], name)] == []


def test_a_name_that_does_not_exist_is_reported() -> None:
    package = "airflow_provider_aztk.local.batch"
    assert exists(package, "api.tasks:create_task")
    assert not exists(package, "api.tasks:make_task")
    assert not exists(package, "api.chores:create_task")


def test_every_path_that_contributing_md_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = {name.partition(":")[0] for name in re.findall(r"`([\w./-]+(?:/|\.py)(?::\w+)?)`", text)}
    assert len(paths) > 20
    assert {path for path in paths if not any((base / path).exists() for base in BASES)} == OF_THE_SDK


def exists(package: str, name: str) -> bool:
    """Return whether a module below the package has the class, function or method of a name `module:function`."""
    module, _, function = name.partition(":")
    try:
        attrgetter(function)(import_module(f"{package}.{module}"))
    except (ImportError, AttributeError):
        return False
    return True
