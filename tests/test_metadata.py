"""What pyproject.toml promises, held against the code: lower bounds and imports, classifiers, files of the sdist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
METADATA: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = METADATA["project"]

#: The oldest releases that are supported, and what the code may import from them: looked up in these very releases.
OLDEST = {"apache-airflow": "3.2", "apache-airflow-providers-common-compat": "1.13"}
IN_THE_OLDEST = {
    "airflow.providers.common.compat.sdk": {
        "AirflowException", "AirflowFailException", "AirflowNotFoundException", "AirflowSkipException",
        "AirflowTaskTimeout", "BaseHook", "BaseOperator", "BaseOperatorLink", "BaseSensorOperator", "Connection",
        "Context", "PokeReturnValue", "TaskGroup", "TaskInstanceKey", "XCom", "XComArg", "conf", "redact",
    },
    "airflow.sdk.exceptions": {"TaskDeferralError", "TaskDeferralTimeout"},
    "airflow.sdk.execution_time.task_runner": {"RuntimeTaskInstance"},
    "airflow.sdk.log": {"mask_secret"},
    "airflow.triggers.base": {"BaseTrigger", "TriggerEvent"},
    "airflow.cli.cli_config": {"ActionCommand", "Arg", "CLICommand", "GroupCommand", "lazy_load_command"},
    "airflow.models.dagrun": {"DagRun"},
    "airflow.utils.session": {"create_session"},
}  # fmt: skip


def imported_from_airflow() -> set[tuple[str, str]]:
    """List every name that the package imports from Airflow, type checkers' imports included."""
    found = set()
    for path in (ROOT / "airflow_provider_aztk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "airflow":
                found |= {(node.module, alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {(alias.name, "*") for alias in node.names if alias.name.split(".")[0] == "airflow"}
    return found


def lower_bounds() -> dict[str, str]:
    """Return the lower bound of each dependency."""
    found = re.findall(r"^([\w-]+)(?:\[.*\])?>=([\w.]+)", "\n".join(PROJECT["dependencies"]), re.M)
    assert len(found) == len(PROJECT["dependencies"]), "every dependency has a lower bound"
    return dict(found)


def test_what_is_imported_is_in_the_oldest_releases_that_are_allowed() -> None:
    assert {name: lower_bounds()[name] for name in OLDEST} == OLDEST
    wanted = imported_from_airflow()
    assert len(wanted) > 20
    allowed = {(module, name) for module, names in IN_THE_OLDEST.items() for name in names}
    assert wanted - allowed == set(), "look it up in the oldest releases, or raise the bounds"


def test_the_pins_of_the_tests_are_within_the_bounds() -> None:
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "constraints.txt").read_text(), re.M))
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    for name, bound in lower_bounds().items():
        assert _numbers(pins[name]) >= _numbers(bound), name


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def test_the_license_is_said_once() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert [line for line in PROJECT["classifiers"] if line.startswith("License")] == [], (
        "PEP 639 allows no second word"
    )


@pytest.mark.parametrize("folder", ["benchmarks", "example_dags", "scripts", "docs"])
def test_the_sdist_has_what_its_tests_need(folder: str) -> None:
    used = any(folder in path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    included = METADATA["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert not used or f"/{folder}" in included


def test_no_address_that_leads_nowhere() -> None:
    assert "github.com/airflow-provider-aztk" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
