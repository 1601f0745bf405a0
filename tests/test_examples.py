"""The example DAGs: they parse, serialise the same twice, and the docs show nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))

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


def test_the_docs_show_the_tested_examples() -> None:
    shown = [
        (page.name, *snippet)
        for page in sorted((ROOT / "docs" / "how-to").glob("*.md"))
        for snippet in re.findall(r"<!-- (\S+\.py) (\w+) -->\n```python\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    for page_name, name, tag, snippet in shown:
        source = (ROOT / "example_dags" / name).read_text()
        part = source.split(f"# [START {tag}]\n")[1].split(f"# [END {tag}]")[0]
        lines = [line.removeprefix("    ") for line in part.rstrip().splitlines()]
        assert snippet.rstrip() == "\n".join(lines).rstrip(), f"{page_name} shows another {tag} than {name}"
    tags = {(path.name, tag) for path in EXAMPLES for tag in re.findall(r"# \[START (\w+)\]", path.read_text())}
    assert {(name, tag) for _, name, tag, _ in shown} == tags


def test_every_operator_and_sensor_is_in_an_example() -> None:
    from airflow_provider_aztk import operators, sensors

    text = "".join(path.read_text() for path in EXAMPLES)
    assert [
        name
        for name in (*operators.__all__, *sensors.__all__)
        if f"{name}(" not in text and f"{name}.partial(" not in text
    ] == []
