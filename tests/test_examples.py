"""The example DAGs parse and serialise the same twice, the how-tos show them and no other code, and links work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
DOCS = sorted((ROOT / "docs").glob("*.md"))
OTHER_PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")

CODE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

def load():
    bag = DagBag(sys.argv[1], bundle_name="x")
    assert not bag.import_errors, bag.import_errors
    return {name: json.dumps(DagSerialization.to_dict(dag), sort_keys=True) for name, dag in bag.dags.items()}

first, second = load(), load()
assert first == second
print(json.dumps({name: len(text) for name, text in first.items()}))
"""


@pytest.mark.slow
def test_examples_parse_and_serialise_the_same_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(ROOT / "example_dags")],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for path in EXAMPLES:
        assert f'"{path.stem}"' in done.stdout


def test_the_how_tos_show_whole_example_dags_and_no_other_code() -> None:
    shown = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        snippets = re.findall(r"<!-- (\S+\.py) -->\n```python\n(.*?)```", text, re.DOTALL)
        assert text.count("```python") == len(snippets), f"{page.name} has code that is not an example DAG"
        for name, snippet in snippets:
            assert snippet == (ROOT / "example_dags" / name).read_text(encoding="utf-8"), f"{page.name}: {name}"
            shown.add(name)
    assert shown == {path.name for path in EXAMPLES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_how_to_begins_with_an_example_dag(page: Path) -> None:
    before = page.read_text(encoding="utf-8").partition("```python")[0]
    assert len(before.split()) < 80, "the DAG to copy comes first"


@pytest.mark.parametrize("page", [*DOCS, *PAGES, *(ROOT / name for name in OTHER_PAGES)], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_operator_and_sensor_is_in_an_example() -> None:
    from airflow_provider_aztk import operators, sensors

    text = "".join(path.read_text() for path in EXAMPLES)
    assert [
        name
        for name in (*operators.__all__, *sensors.__all__)
        if f"{name}(" not in text and f"{name}.partial(" not in text
    ] == []
