"""docs/field-cases.md and docs/invariants.md name tests that exist, in every row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.named_tests import missing_tests

DOCS = Path(__file__).parents[1] / "docs"
#: The pages, and how many rows each has.
PAGES = {"field-cases.md": 40, "invariants.md": 29}
ROW = re.compile(r"^\| (\d+) \|.*\| ([^|]*) \|$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_tests_that_exist(page: str) -> None:
    rows = dict(ROW.findall((DOCS / page).read_text(encoding="utf-8")))
    assert list(map(int, rows)) == list(range(1, PAGES[page] + 1))
    assert [number for number, cell in rows.items() if "`" not in cell] == []
    assert {number: missing for number, cell in rows.items() if (missing := missing_tests(cell))} == {}


def test_a_test_that_does_not_exist_is_reported() -> None:
    here = "tests/test_field_cases.py"
    text = f"`{here}`, `{here}::test_of_nothing`, `::test_every_row_names_tests_that_exist`, `tests/nowhere.py`"
    assert missing_tests(text) == [f"{here}::test_of_nothing", "tests/nowhere.py"]
