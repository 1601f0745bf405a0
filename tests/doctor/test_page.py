"""docs/doctor.md names each check, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import airflow_provider_aztk.doctor

_CHECK = re.compile(r'(?:ok|warning|error|kind|_compared|_roles|_account)\(\s*(?:facts, )?(?:facts\.\w+, )?"([a-z-]+)"')
#: Those whose names are put together.
COMPOSED = {"arm-batch", "arm-storage", "clock-batch", "clock-storage", "clock-manager", "quota-pools", "quota-jobs"}


def test_the_page_names_each_check() -> None:
    folder = Path(airflow_provider_aztk.doctor.__file__).parent
    written = {name for path in folder.rglob("*.py") for name in _CHECK.findall(path.read_text())}
    page = (Path(__file__).parents[2] / "docs/doctor.md").read_text()
    named = {
        name
        for line in page.splitlines()
        if line.startswith("| `") and not line.startswith("| `--")
        for name in re.findall(r"`([a-z-]+)`", line.split("|")[1])
    }
    assert named == written | COMPOSED
