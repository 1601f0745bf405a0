"""The table of cases from the field names tests that exist, for every case."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CASES = 40
ROW = re.compile(r"^\| (\d+) \|.*\| ([^|]*) \|$", re.M)


def names_of(path: Path) -> set[str]:
    """Return the names of all test functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


def test_every_case_names_tests_that_exist() -> None:
    rows = dict(ROW.findall((ROOT / "docs" / "field-cases.md").read_text(encoding="utf-8")))
    assert list(map(int, rows)) == list(range(1, CASES + 1))
    missing = []
    for number, cell in rows.items():
        path = ""
        for named in re.findall(r"`([^`]+)`", cell):
            path, _, test = named.partition("::") if not named.startswith("::") else (path, "", named[2:])
            found = (ROOT / path).is_file() and names_of(ROOT / path)
            if not found or (test and test not in found):
                missing.append((number, named))
    assert missing == []
