"""The client on a local stack with Entra ID: no key in its credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import models

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack

#: Variables from which azure-identity chooses who signs in.
IDENTITY_VARIABLES = (
    *("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS"),
    *("AZURE_POD_IDENTITY_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"),
)
PROGRAM = Path(__file__).parent / "programs" / "entra_life.py"


def trust(stack: LocalStack) -> dict[str, str]:
    """Return the variables by which a process signs in at the stack, and trusts its certificate."""
    ca_file = stack.entra["ca_file"]
    return {
        "AZURE_AUTHORITY_HOST": stack.entra["authority_host"],
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
    }


def workload_identity(stack: LocalStack) -> dict[str, str]:
    """Return the variables that Kubernetes gives a pod with a workload identity."""
    return {
        "AZURE_TENANT_ID": stack.entra["tenant_id"],
        "AZURE_CLIENT_ID": stack.entra["client_id"],
        "AZURE_FEDERATED_TOKEN_FILE": stack.entra["federated_token_file"],
    }


def service_principal(stack: LocalStack) -> dict[str, str]:
    """Return the fields of the stack's service principal."""
    return {
        "tenant_id": stack.entra["tenant_id"],
        "client_id": stack.entra["client_id"],
        "credential": stack.entra["client_secret"],
    }


def entra_secrets(stack: LocalStack, **fields: str) -> models.SecretsConfiguration:
    """Return the credentials: the accounts are looked up by their resource ids."""
    names = ("batch_account_resource_id", "storage_account_resource_id", "resource_manager_url")
    values: dict[str, Any] = {name: stack.entra[name] for name in names}
    return models.SecretsConfiguration(service_principal=models.ServicePrincipalConfiguration(**{**values, **fields}))


def run_program(stack: LocalStack, variables: dict[str, str], *arguments: str) -> Any:
    """Run the program in a process of its own, which trusts the stack from its start; return what it printed."""
    env = {name: value for name, value in os.environ.items() if name not in IDENTITY_VARIABLES}
    command = [sys.executable, str(PROGRAM), *arguments]
    done = subprocess.run(
        command, env={**env, **trust(stack), **variables}, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
