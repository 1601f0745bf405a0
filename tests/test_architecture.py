"""The structure of the package, beyond the import contracts: no import circles, the client and the node code."""

from __future__ import annotations

import subprocess
import sys

import grimp
import pytest

PACKAGE = "airflow_provider_aztk"
#: What the client may use of the node code: the protocol, the builder of the zipapp, Spark's properties files.
NODE_PARTS_OF_THE_CLIENT = ("contract", "bundle", "spark.properties")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """The imports of the package: at module level, in functions, and for type checkers only."""
    return grimp.build_graph(
        PACKAGE, include_external_packages=True, exclude_type_checking_imports=False, cache_dir=None
    )


def test_no_import_circles(graph: grimp.ImportGraph) -> None:
    circles = import_circles(graph)
    print(*(" -> ".join(circle) for circle in circles), sep="\n")
    assert circles == []


def test_the_circles_of_a_graph_are_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "c"), ("c", "b"), ("d", "e"), ("e", "f"), ("f", "d"), ("c", "g")]:
        graph.add_import(importer=importer, imported=imported)
    assert import_circles(graph) == [["b", "c", "b"], ["d", "e", "f", "d"]]


def import_circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return a shortest import circle through each module that is in one, each circle once.

    A circle begins and ends with its first module by name.
    """
    found: dict[frozenset[str], list[str]] = {}
    for module in sorted(graph.modules):
        chains = (
            graph.find_shortest_chain(importer=imported, imported=module)
            for imported in sorted(graph.find_modules_directly_imported_by(module))
        )
        circles = [[module, *chain] for chain in chains if chain]
        if circles:
            circle = min(circles, key=len)
            first = circle.index(min(circle))
            found.setdefault(frozenset(circle), [*circle[first:-1], *circle[:first], circle[first]])
    return sorted(found.values())


def test_the_client_uses_only_the_protocol_bundle_and_properties_of_the_node_code(graph: grimp.ImportGraph) -> None:
    node = f"{PACKAGE}.node"
    allowed = [f"{node}.{name}" for name in NODE_PARTS_OF_THE_CLIENT]
    client = {f"{PACKAGE}.client", *graph.find_descendants(f"{PACKAGE}.client")}
    imported = {module for importer in client for module in graph.find_modules_directly_imported_by(importer)}
    used = {module for module in imported if module.startswith(f"{node}.")}
    assert [module for module in used if module.startswith(f"{node}.contract")] != []
    assert [module for module in used if not any(f"{module}.".startswith(f"{part}.") for part in allowed)] == []


@pytest.mark.parametrize("name", ["", ".client", ".client.models", ".client._shared_poller", ".node.bundle"])
def test_importing_loads_no_azure_and_no_airflow(name: str) -> None:
    code = (
        f"import sys, {PACKAGE}{name}; print([m for m in ('azure', 'airflow', 'yaml', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
