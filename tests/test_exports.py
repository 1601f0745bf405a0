"""The public names of a package can be imported from it, and cost nothing before that."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = ["operators", "sensors", "triggers", "hooks", "links", "task_groups"]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there(name: str) -> None:
    package = importlib.import_module(f"airflow_provider_aztk.{name}")
    assert package.__all__ == sorted(package.__all__)
    for public in package.__all__:
        assert getattr(package, public).__name__ == public
    with pytest.raises(AttributeError, match="AztkNothing"):
        _ = package.AztkNothing


def test_a_package_alone_imports_no_airflow() -> None:
    imports = "; ".join(f"import airflow_provider_aztk.{name}" for name in PACKAGES)
    command = [sys.executable, "-c", f"import sys; {imports}; print('airflow' in sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
