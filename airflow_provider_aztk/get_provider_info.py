"""The provider's metadata: connection form, modules, commands and settings.

Airflow reads it through the entry point ``apache_airflow_provider`` in ``pyproject.toml``, at each start and without
importing anything else of this package. There is no ``provider.yaml``: Airflow reads that file in its own source only.
"""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def _text(label: str, description: str, *, fmt: str | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["string", "null"]}
    if fmt:
        schema["format"] = fmt
    return {"label": label, "description": description, "schema": schema}


# The names of secret fields contain a word that Airflow's masker knows (access_key, secret, password, private_key).
_CONN_FIELDS: dict[str, dict[str, Any]] = {
    "storage_account_name": _text("Storage account name", "The storage account for cluster files and logs."),
    "storage_access_key": _text(
        "Storage access key", "One of the storage account's keys; empty with Entra ID.", fmt="password"
    ),
    "storage_account_suffix": _text("Storage account suffix", "The storage domain; default the cloud's."),
    "storage_service_url": _text(
        "Blob service URL", "Instead of name and suffix: the whole URL of the blob service, e.g. Azurite's."
    ),
    "tenant_id": _text("Tenant ID", "Service principal: its Entra ID tenant."),
    "client_id": _text("Client ID", "Service principal: its application (client) id."),
    "client_secret": _text("Client secret", "Service principal: its secret.", fmt="password"),
    "batch_account_resource_id": _text(
        "Batch account resource ID",
        "/subscriptions/.../providers/Microsoft.Batch/batchAccounts/NAME; needed with Entra ID, and for links.",
    ),
    "storage_account_resource_id": _text(
        "Storage account resource ID",
        "/subscriptions/.../providers/Microsoft.Storage/storageAccounts/NAME; needed with Entra ID, and for links.",
    ),
    "resource_manager_url": _text(
        "Resource Manager URL", "With Entra ID: where endpoints are looked up; default that of the cloud."
    ),
    "cloud_environment": _text(
        "Cloud environment",
        "AzurePublicCloud, AzureChinaCloud or AzureUSGovernment; default the cloud of the URLs.",
    ),
    "sas_lifetime": _text(
        "SAS lifetime",
        "For a storage account whose SAS policy blocks long ones, e.g. 7d; max_lifetime must be shorter.",
    ),
    "deletion_timeout": _text(
        "Deletion timeout", "How long to wait for the deletion of an earlier cluster of the same id; default 15m."
    ),
    "docker_endpoint": _text("Docker registry", "Registry of a private image, e.g. myregistry.azurecr.io."),
    "docker_username": _text("Docker user name", "Login of that registry."),
    "docker_password": _text("Docker password", "Password of that registry.", fmt="password"),
    "ssh_pub_key": _text("SSH public key", "Authorized for users created on cluster nodes.", fmt="multiline"),
    "ssh_private_key": _text("SSH private key", "The private half of the pair, for SSH from Airflow.", fmt="password"),
}


def get_provider_info() -> dict[str, Any]:
    """Return the metadata, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-aztk",
        "name": "AZTK",
        "description": "Run Spark on Azure Batch: on-demand clusters, applications and jobs.",
        "integrations": [
            {
                "integration-name": "AZTK",
                "external-doc-url": "https://learn.microsoft.com/azure/batch/",
                "tags": ["azure"],
            }
        ],
        "hooks": [{"integration-name": "AZTK", "python-modules": ["airflow_provider_aztk.hooks.aztk"]}],
        "operators": [
            {
                "integration-name": "AZTK",
                "python-modules": [
                    "airflow_provider_aztk.operators.application",
                    "airflow_provider_aztk.operators.cluster",
                    "airflow_provider_aztk.operators.job",
                    "airflow_provider_aztk.operators.reap",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": "AZTK",
                "python-modules": [
                    "airflow_provider_aztk.sensors.application",
                    "airflow_provider_aztk.sensors.cluster",
                    "airflow_provider_aztk.sensors.job",
                ],
            }
        ],
        "triggers": [
            {
                "integration-name": "AZTK",
                "python-modules": [
                    "airflow_provider_aztk.triggers.application",
                    "airflow_provider_aztk.triggers.cluster",
                    "airflow_provider_aztk.triggers.deletion",
                    "airflow_provider_aztk.triggers.job",
                ],
            }
        ],
        "connection-types": [
            {
                "hook-class-name": "airflow_provider_aztk.hooks.aztk.AztkHook",
                "hook-name": "Azure Batch Spark (AZTK)",
                "connection-type": "aztk",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {
                        "host": "Batch service URL",
                        "login": "Batch account name",
                        "password": "Batch account key",
                    },
                    "placeholders": {
                        "host": "https://myaccount.westeurope.batch.azure.com",
                        "login": "myaccount",
                        "password": "empty with a service principal or the default credential",
                    },
                },
                "conn-fields": _CONN_FIELDS,
            }
        ],
        "cli": ["airflow_provider_aztk.cli.definition.get_cli_commands"],
        "config": {
            "aztk": {
                "description": "Settings of the AZTK provider.",
                "options": {
                    "deployment_id": {
                        "description": (
                            "The name of this Airflow deployment. It is written into the metadata of each cluster "
                            "and job that the deployment creates, and the reaper removes only those with its own "
                            "name. Default: a hash of [api] base_url, if that is a public address. With an address "
                            "like localhost there is no default, and nothing is reaped."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "prod-weu",
                        "default": "",
                    },
                    "poll_interval": {
                        "description": "Seconds between two polls of Azure Batch; an operator's own has precedence.",
                        "version_added": "0.1.0",
                        "type": "float",
                        "example": "10",
                        "default": "30.0",
                    },
                },
            }
        },
    }
