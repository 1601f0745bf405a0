"""The node code has no import circles, short files and short functions."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp
import pytest

import airflow_provider_aztk.node as node

PACKAGE = Path(node.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40


def test_the_node_code_has_no_import_circle() -> None:
    graph = grimp.build_graph("airflow_provider_aztk")  # imports for type checking included
    modules = {node.__name__, *graph.find_descendants(node.__name__)}
    imports = {module: graph.find_modules_directly_imported_by(module) & modules for module in modules}
    while free := {module for module, imported in imports.items() if not imported}:
        imports = {module: imported - free for module, imported in imports.items() if module not in free}
    assert imports == {}, "each of these is part of a circle, or imports one"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(source: Path) -> None:
    text = source.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for item in ast.walk(ast.parse(text)):
        if isinstance(item, ast.FunctionDef):
            assert (item.end_lineno or 0) - item.lineno < MAX_FUNCTION_LINES, item.name
