"""Requests that ask what an account allows, and change nothing: for ``airflow aztk doctor``."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_aztk.client._azure.batch import BatchRequest, list_all, nothing
from airflow_provider_aztk.client._azure.sas import DELEGATED_SAS_MARGIN
from airflow_provider_aztk.client._azure.storage import Calls, StorageRequest

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.storage import Service
    from airflow_provider_aztk.client._requests import Action

Json = dict[str, Any]


def probe_id() -> str:
    """Return an id that nothing has."""
    return f"aztk-doctor-{uuid.uuid4().hex[:20]}"


def batch_rights() -> dict[str, BatchRequest[None]]:
    """Return a request for each right of the data plane, by the operation that it needs.

    Each names a job or pool that does not exist, so it is answered with 404 where it is allowed, and with 403 where it
    is not (learn.microsoft.com/azure/batch/batch-role-based-access-control).
    """
    job, pool = f"/jobs/{probe_id()}", f"/pools/{probe_id()}"
    account = "Microsoft.Batch/batchAccounts"
    return {
        f"{account}/jobs/write": BatchRequest("PATCH", job, nothing, {"priority": 0}),
        f"{account}/jobs/delete": BatchRequest("DELETE", job, nothing),
        f"{account}/pools/read": BatchRequest("GET", pool, nothing),
        f"{account}/pools/write": BatchRequest("PATCH", pool, nothing, {"metadata": []}),
        f"{account}/pools/delete": BatchRequest("DELETE", pool, nothing),
    }


def list_pool_sizes() -> Action[list[Json]]:
    """GET /pools, all pages: size and number of nodes of each."""
    counts = [f"{when}{kind}Nodes" for when in ("current", "target") for kind in ("Dedicated", "LowPriority")]
    return list_all("/pools", {"$select": ",".join(["id", "vmSize", *counts])})


def list_active_jobs() -> Action[list[Json]]:
    """GET /jobs, all pages: the ids of those that count against the quota."""
    return list_all("/jobs", {"$select": "id", "$filter": "state eq 'active'"})


def list_all_images() -> Action[list[Json]]:
    """GET /supportedimages, all pages, also those of other systems and those that are not verified."""
    return list_all("/supportedimages", {})


class AccountInformation(NamedTuple):
    """What a storage account says of itself; None where it does not.

    :param hierarchical: whether it has a hierarchical namespace.
    """

    kind: str
    hierarchical: bool | None


@dataclass(frozen=True)
class GetAccountInformation(StorageRequest[AccountInformation]):
    """Read the kind of a storage account (learn.microsoft.com/rest/api/storageservices/get-account-information)."""

    def calls(self, service: Service) -> Calls[AccountInformation]:
        found = yield service.client.get_account_information()
        return AccountInformation(str(found.get("account_kind") or ""), found.get("is_hns_enabled"))


@dataclass(frozen=True)
class GetBlobRetentionDays(StorageRequest[int]):
    """Read for how many days deleted blobs are kept; 0 where they are not."""

    def calls(self, service: Service) -> Calls[int]:
        found = yield service.client.get_service_properties()
        policy = found.get("delete_retention_policy")
        return int(policy.days or 0) if policy is not None and policy.enabled else 0


@dataclass(frozen=True)
class WriteProbeBlob(StorageRequest[bool]):
    """Write a small blob; the answer is whether the account keeps versions of blobs."""

    container: str
    name: str
    data: bytes = field(default=b"airflow aztk doctor", repr=False)

    def calls(self, service: Service) -> Calls[bool]:
        found = yield service.client.get_blob_client(self.container, self.name).upload_blob(self.data, overwrite=True)
        return bool((found or {}).get("version_id"))


@dataclass(frozen=True)
class GetDelegationKey(StorageRequest[None]):
    """Ask for a user delegation key (learn.microsoft.com/rest/api/storageservices/get-user-delegation-key)."""

    def calls(self, service: Service) -> Calls[None]:
        now = service.clock.now()
        yield service.client.get_user_delegation_key(now - DELEGATED_SAS_MARGIN, now + DELEGATED_SAS_MARGIN)
