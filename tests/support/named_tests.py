"""The tests that a page of the docs names as `path` or `path::name`; `::name` repeats the path before it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

__all__ = ["missing_tests"]

ROOT = Path(__file__).parents[2]


def missing_tests(text: str) -> list[str]:
    """Return the tests that a text names in backticks and that do not exist."""
    missing = []
    path = ""
    for named in re.findall(r"`([^`]+)`", text):
        before, _, test = named.partition("::")
        path = before or path
        found = _tests_in(ROOT / path) if (ROOT / path).is_file() else set()
        if not found or (test and test not in found):
            missing.append(named)
    return missing


def _tests_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test")}
