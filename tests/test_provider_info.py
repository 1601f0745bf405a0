"""What Airflow reads about the provider: as it says it, and as Airflow's own commands and managers see it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import airflow_provider_aztk
from airflow_provider_aztk.get_provider_info import get_provider_info
from airflow_provider_aztk.hooks.credentials import SECRET_EXTRAS

PACKAGE = Path(airflow_provider_aztk.__file__).parent


def test_yaml_and_python_say_the_same() -> None:
    assert yaml.safe_load((PACKAGE / "provider.yaml").read_text()) == get_provider_info()


def test_all_named_modules_exist() -> None:
    info = get_provider_info()
    named = [
        m
        for kind in ("hooks", "operators", "sensors", "triggers")
        for part in info[kind]
        for m in part["python-modules"]
    ]
    assert len(named) >= 10
    for name in named:
        import_module(name)
    bases = {
        "operators": {"base", "note", "remote", "logs", "deletion"},
        "sensors": {"base"},
        "triggers": {
            "base",
            "cancellation",
            "deferral",
            "deferred_links",
            "events",
            "log_checkpoint",
            "log_stream",
            "logs",
            "snapshots",
            "wait_loop",
            "xcoms",
        },
    }
    for folder, hidden in bases.items():
        files = {path.stem for path in (PACKAGE / folder).glob("*.py")}
        public = files - {"__init__", "outcomes", *hidden}
        assert {n.rpartition(".")[2] for n in named if f".{folder}." in n} == public


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
