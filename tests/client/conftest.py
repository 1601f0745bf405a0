"""Inputs that many tests of the client share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A small Python program on disk."""
    path = tmp_path / "pi.py"
    path.write_text("print('Pi is roughly 3.14')\n")
    return str(path)
