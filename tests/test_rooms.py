"""The rooms and their arrows, as far as import-linter cannot tell."""

from __future__ import annotations

import subprocess
import sys

import grimp
import pytest

PACKAGE = "airflow_provider_aztk"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, include_external_packages=True)


def test_the_client_knows_only_contract_bundle_and_properties_of_the_node_code(graph: grimp.ImportGraph) -> None:
    allowed = {f"{PACKAGE}.node{name}" for name in ("", ".contract", ".bundle", ".spark", ".spark.properties")}
    client = {f"{PACKAGE}.client", *graph.find_descendants(f"{PACKAGE}.client")}
    used = {target for module in client for target in graph.find_modules_directly_imported_by(module)}
    node = {module for module in used if module.startswith(f"{PACKAGE}.node")}
    assert f"{PACKAGE}.node.contract" in node
    assert node <= allowed


@pytest.mark.parametrize("name", ["", ".client", ".client.models", ".client._shared_poller", ".node.bundle"])
def test_importing_costs_no_azure_and_no_airflow(name: str) -> None:
    code = (
        f"import sys, {PACKAGE}{name}; print([m for m in ('azure', 'airflow', 'yaml', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
