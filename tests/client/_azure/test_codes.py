"""Batch's states and the services' error codes are written once: in ``_azure/codes.py`` and ``models/states.py``."""

from __future__ import annotations

import ast
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import airflow_provider_aztk.client as package
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client.models import ApplicationState, JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = Path(package.__file__).parent
WRITTEN_IN = {CLIENT / "_azure" / "codes.py", CLIENT / "models" / "states.py"}
FILES = sorted(path for path in CLIENT.rglob("*.py") if path not in WRITTEN_IN)


def known() -> set[str]:
    """All states and codes."""
    found: set[str] = {*ApplicationState, *JobState}
    for value in vars(codes).values():
        if isinstance(value, type) and issubclass(value, StrEnum):
            found |= set(value)
        elif isinstance(value, str) and value not in (codes.__doc__, codes.__name__, codes.__file__, codes.__package__):
            found.add(value)
        elif isinstance(value, tuple | frozenset):
            found |= set(value)
    return {str(value) for value in found}


def literals(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_the_codes_are_found() -> None:
    assert {"JobExists", "JobBeingDeleted", "terminating", "resizing", "unusable", "AuthenticationFailed"} <= known()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CLIENT)))
def test_no_state_and_no_code_is_written_elsewhere(path: Path) -> None:
    states_and_codes = known()
    assert [(line, text) for line, text in literals(path) if text in states_and_codes] == []
