"""A running stack for doctor, both ways to sign in, and a registry with the image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.hooks.connection import environment_secrets
from tests.doctor.registries import Registry, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client import models
    from airflow_provider_aztk.local.testing import LocalStack


@pytest.fixture(scope="session")
def running_stack(aztk_local_stack: LocalStack) -> LocalStack:
    return aztk_local_stack


@pytest.fixture(scope="session")
def authority(running_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack's own certificate alone: to read all of the system's takes a tenth of a second for each connection."""
    end = "-----END CERTIFICATE-----\n"
    first = Path(running_stack.entra["ca_file"]).read_text().partition(end)[0] + end
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    path.write_text(first)
    return path


@pytest.fixture
def stack(running_stack: LocalStack, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStack]:
    """The session's stack, to which Entra ID's environment leads; after the test all orders are taken back."""
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", running_stack.entra["authority_host"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    monkeypatch.setenv("AIRFLOW_CONN_KEYS", running_stack.airflow_conn)
    monkeypatch.setenv("AIRFLOW_CONN_ENTRA", running_stack.entra["airflow_conn"])
    yield running_stack
    running_stack.admin.clear()


@pytest.fixture
def entra(stack: LocalStack) -> models.SecretsConfiguration:
    return environment_secrets("entra")


@pytest.fixture(scope="session")
def running_registry() -> Iterator[Registry]:
    with registry() as running:
        yield running
