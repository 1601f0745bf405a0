"""What Azure Resource Manager knows of the two accounts of a stack, in the bodies of its REST interface.

See learn.microsoft.com/rest/api/batchmanagement and learn.microsoft.com/rest/api/storagerp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_aztk.local.stack.entra.tenant import SUBSCRIPTION

__all__ = ["LOCATION", "RESOURCE_GROUP", "Accounts", "sizes"]

RESOURCE_GROUP = "aztk-local"
LOCATION = "westeurope"
Body = dict[str, Any]
_FAMILIES = {
    "standardDSv3Family": 100,
    "standardDSv5Family": 100,
    "standardDDSv5Family": 100,
    "standardEDSv5Family": 100,
    "standardFSv2Family": 100,
    "standardDPDSv5Family": 100,
    "standardNCASv3_T4Family": 0,
    "standardNCSv3Family": 0,
}


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The two accounts.

    :param batch_host: host and port of the Batch service over https.
    :param blob_url: URL of the blob service over https; None: there is no storage account.
    """

    batch_name: str
    batch_host: str
    storage_name: str
    blob_url: str | None

    @property
    def batch_id(self) -> str:
        """The Batch account's resource id."""
        return f"{_group()}/providers/Microsoft.Batch/batchAccounts/{self.batch_name}"

    @property
    def storage_id(self) -> str:
        """The storage account's resource id."""
        return f"{_group()}/providers/Microsoft.Storage/storageAccounts/{self.storage_name}"

    def batch(self) -> Body:
        """Describe the Batch account (batch-account/get)."""
        return {
            "id": self.batch_id,
            "name": self.batch_name,
            "type": "Microsoft.Batch/batchAccounts",
            "location": LOCATION,
            "identity": {"type": "None"},
            "tags": {},
            "properties": {
                "accountEndpoint": self.batch_host,
                "nodeManagementEndpoint": f"00000000-0000-4000-8000-000000000000.{LOCATION}.service.batch.azure.com",
                "provisioningState": "Succeeded",
                "poolAllocationMode": "BatchService",
                "publicNetworkAccess": "Enabled",
                "allowedAuthenticationModes": ["SharedKey", "AAD", "TaskAuthenticationToken"],
                "dedicatedCoreQuota": 700,
                "dedicatedCoreQuotaPerVMFamily": [
                    {"name": name, "coreQuota": quota} for name, quota in _FAMILIES.items()
                ],
                "dedicatedCoreQuotaPerVMFamilyEnforced": True,
                "lowPriorityCoreQuota": 500,
                "poolQuota": 100,
                "activeJobAndJobScheduleQuota": 300,
                "autoStorage": None,
                "encryption": {"keySource": "Microsoft.Batch"},
                "privateEndpointConnections": [],
            },
        }

    def storage(self) -> Body:
        """Describe the storage account (storage-accounts/get-properties)."""
        return {
            "id": self.storage_id,
            "name": self.storage_name,
            "type": "Microsoft.Storage/storageAccounts",
            "location": LOCATION,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "tags": {},
            "properties": {
                "provisioningState": "Succeeded",
                "primaryEndpoints": {"blob": f"{self.blob_url}/"},
                "primaryLocation": LOCATION,
                "statusOfPrimary": "available",
                "accessTier": "Hot",
                "isHnsEnabled": False,
                "allowSharedKeyAccess": True,
                "allowBlobPublicAccess": False,
                "minimumTlsVersion": "TLS1_2",
                "supportsHttpsTrafficOnly": True,
                "publicNetworkAccess": "Enabled",
                "networkAcls": {
                    "bypass": "AzureServices",
                    "defaultAction": "Allow",
                    "ipRules": [],
                    "virtualNetworkRules": [],
                },
                "privateEndpointConnections": [],
            },
        }

    def blob_service(self) -> Body:
        """Describe the blob service's settings (blob-services/get-service-properties)."""
        return {
            "id": f"{self.storage_id}/blobServices/default",
            "name": "default",
            "type": "Microsoft.Storage/storageAccounts/blobServices",
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "properties": {
                "isVersioningEnabled": False,
                "changeFeed": {"enabled": False},
                "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
                "containerDeleteRetentionPolicy": {"enabled": False},
                "restorePolicy": {"enabled": False},
                "cors": {"corsRules": []},
            },
        }


def _group() -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"


def sizes() -> list[Body]:
    """List some VM sizes that Batch takes (location/list-supported-virtual-machine-skus)."""
    return [
        _size("Standard_D2s_v3", "standardDSv3Family", 2, 8, temporary_gb=16),
        _size("Standard_D4s_v3", "standardDSv3Family", 4, 16, temporary_gb=32),
        _size("Standard_D4s_v5", "standardDSv5Family", 4, 16, temporary_gb=0),
        _size("Standard_D2ds_v5", "standardDDSv5Family", 2, 8, temporary_gb=75),
        _size("Standard_D4ds_v5", "standardDDSv5Family", 4, 16, temporary_gb=150),
        _size("Standard_D8ds_v5", "standardDDSv5Family", 8, 32, temporary_gb=300),
        _size("Standard_E4ds_v5", "standardEDSv5Family", 4, 32, temporary_gb=150),
        _size("Standard_F4s_v2", "standardFSv2Family", 4, 8, temporary_gb=32),
        _size("Standard_D4pds_v5", "standardDPDSv5Family", 4, 16, temporary_gb=150, architecture="Arm64"),
        _size("Standard_NC4as_T4_v3", "standardNCASv3_T4Family", 4, 28, temporary_gb=176, gpus=1),
        {
            **_size("Standard_NC6s_v3", "standardNCSv3Family", 6, 112, temporary_gb=736, gpus=1),
            "batchSupportEndOfLife": "2025-09-30T00:00:00Z",
        },
    ]


def _size(
    name: str, family: str, cores: int, memory_gb: int, *, temporary_gb: int, architecture: str = "x64", gpus: int = 0
) -> Body:
    known: dict[str, object] = {
        "MaxResourceVolumeMB": temporary_gb * 1024,
        "OSVhdSizeMB": 1047552,
        "vCPUs": cores,
        "MemoryGB": memory_gb,
        "HyperVGenerations": "V2" if architecture == "Arm64" else "V1,V2",
        "CpuArchitectureType": architecture,
        "LowPriorityCapable": True,
        "PremiumIO": True,
        "EphemeralOSDiskSupported": bool(temporary_gb),
        "AcceleratedNetworkingEnabled": True,
        **({"GPUs": gpus} if gpus else {}),
    }
    return {
        "name": name,
        "familyName": family,
        "capabilities": [{"name": key, "value": str(value)} for key, value in known.items()],
    }
