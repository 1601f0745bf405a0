"""Private files are readable by their owner only, and removed at the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.node.process.private_files import PrivateFiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("in_memory", [True, False])
def test_private_files_are_readable_by_their_owner_and_removed_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    files = PrivateFiles(str(tmp_path))
    path = files.write("p", "one ü")
    again = files.write("p", "two ü")
    with open(again, encoding="utf-8") as file:
        assert file.read() == "two ü"
    assert os.stat(again).st_mode & 0o777 == 0o600
    assert not list(tmp_path.iterdir())
    files.close()
    assert not os.path.exists(path)
    assert not os.path.exists(again)
