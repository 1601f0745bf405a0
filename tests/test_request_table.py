"""docs/requests.md says what the client's methods cost in requests."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client import Client
from airflow_provider_aztk.local.testing import run_stack

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
_NO_CALL = {"close", "list_applicaitons"}  # sends nothing; an alias


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script that records; a script and no package, so its folder goes on the path for the test."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("client_requests")


@pytest.mark.slow
def test_the_page_says_what_is_recorded(recorder: Any) -> None:
    with run_stack("--fake-spark") as stack:
        recorded = recorder.render(recorder.record(stack))
    page = recorder.PAGE.read_text(encoding="utf-8")
    assert recorder.table_of(page) == recorded, "run: python benchmarks/client_requests.py"


def test_no_method_is_left_out(recorder: Any) -> None:
    lines = recorder.table_of(recorder.PAGE.read_text(encoding="utf-8"))
    listed = {line.split("|")[1].split(",")[0].strip() for line in lines}
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert methods - _NO_CALL - listed == set()
