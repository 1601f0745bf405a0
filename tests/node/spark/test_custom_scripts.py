"""Custom scripts run where they are meant to."""

from __future__ import annotations

from airflow_provider_aztk.node.contract import Script
from airflow_provider_aztk.node.spark import custom_scripts


def test_scripts_run_where_they_are_meant_to() -> None:
    listed = [Script(run_on, "f", run_on) for run_on in ("all-nodes", "master", "worker")]
    assert [script.name for script in custom_scripts.due(listed, {"master"})] == ["all-nodes", "master"]
    assert [script.name for script in custom_scripts.due(listed, {"worker"})] == ["all-nodes", "worker"]
    assert len(custom_scripts.due(listed, {"master", "worker"})) == 3
