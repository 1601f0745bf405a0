"""What Airflow reads about the provider: the dict, and what Airflow's own commands and managers make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module, metadata, resources

import pytest
from jsonschema import validate

from airflow_provider_aztk.get_provider_info import get_provider_info
from airflow_provider_aztk.hooks.credentials import SECRET_EXTRAS


def test_the_installed_entry_point_returns_it() -> None:
    (found,) = (
        point
        for point in metadata.entry_points(group="apache_airflow_provider")
        if point.dist is not None and point.dist.name == "airflow-provider-aztk"
    )
    assert found.load()() == get_provider_info()


def test_it_follows_airflows_schema() -> None:
    schema = json.loads(resources.files("airflow").joinpath("provider_info.schema.json").read_text())
    validate(get_provider_info(), schema)


def test_reading_it_imports_nothing_else_of_the_package_and_no_yaml() -> None:
    code = (
        "import sys\n"
        "from airflow_provider_aztk.get_provider_info import get_provider_info\n"
        "get_provider_info()\n"
        "print(sorted(name for name in sys.modules if name.startswith(('airflow', 'yaml'))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['airflow_provider_aztk', 'airflow_provider_aztk.get_provider_info']"


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_it_names_the_modules_of_all_public_classes(kind: str) -> None:
    package = import_module(f"airflow_provider_aztk.{kind}")
    expected = {getattr(package, name).__module__ for name in package.__all__}
    named = {module for part in get_provider_info()[kind] for module in part["python-modules"]}
    assert named == expected


def test_secret_fields_are_masked_by_airflow() -> None:
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    hidden = {name for name, field in fields.items() if field["schema"].get("format") == "password"}
    assert hidden == set(SECRET_EXTRAS)
    assert all(should_hide_value_for_key(name) for name in hidden)
    assert not any(should_hide_value_for_key(name) for name in set(fields) - hidden)


@pytest.mark.slow
def test_the_form_has_its_fields_without_loading_the_client() -> None:
    code = (
        "import sys\n"
        "from airflow.providers_manager import ProvidersManager\n"
        "manager = ProvidersManager()\n"
        "manager.initialize_providers_hooks()\n"
        "fields = [k for k in manager.connection_form_widgets if k.startswith('extra__aztk__')]\n"
        "print(len(fields), 'airflow_provider_aztk.client' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    count, imported = done.stdout.split()[-2:]
    assert int(count) == len(get_provider_info()["connection-types"][0]["conn-fields"])
    assert imported == "False"


@pytest.mark.slow
def test_airflow_lists_the_provider_and_its_commands() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "airflow", "providers", "list", "--output", "json"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert '"airflow-provider-aztk"' in listed.stdout, listed.stderr
    help_text = subprocess.run(
        [sys.executable, "-m", "airflow", "aztk", "clusters", "--help"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "reap" in help_text.stdout, help_text.stderr
