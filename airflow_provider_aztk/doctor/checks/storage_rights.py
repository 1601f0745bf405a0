"""What the product does with storage, done once in a container of its own, which is removed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar
from urllib.error import HTTPError, URLError

from airflow_provider_aztk.client._actions.containers import sign_container
from airflow_provider_aztk.client._azure import probes
from airflow_provider_aztk.client._azure.listings import DeleteBlob, blob_names
from airflow_provider_aztk.client._azure.storage import CreateContainer, DeleteContainer, GetBlob
from airflow_provider_aztk.client.errors import AztkError, ConnectionFailedError
from airflow_provider_aztk.doctor import http
from airflow_provider_aztk.doctor.facts import BlockedError, NoTokenError
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning
from airflow_provider_aztk.doctor.refusals import STORAGE_ROLE, fix_of, message_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client._requests import Action, Request
    from airflow_provider_aztk.doctor.facts import Facts

R = TypeVar("R")

_ROLE_PAGE = "https://learn.microsoft.com/azure/storage/blobs/assign-azure-role-data-access"
_SAS_PAGE = "https://learn.microsoft.com/azure/storage/common/sas-expiration-policy"
_KEY_PAGE = "https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"
_RETENTION_PAGE = "https://learn.microsoft.com/azure/storage/blobs/versioning-overview"
_BLOB = "probe"


def storage(facts: Facts) -> Iterator[Finding]:
    """Create a container; write, read, list and delete a blob in it; read it with a SAS; delete the container."""
    yield from _Probe(facts).findings()


class _Probe:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.runner = facts.storage()
        self.container = probes.probe_id()
        self.failed: dict[str, AztkError] = {}

    def findings(self) -> Iterator[Finding]:
        found: list[Finding] = []
        try:
            self._act("create a container", CreateContainer(self.container, {}))
            if not self.failed:
                found = list(self._use())
        except ConnectionFailedError:  # it is noted; whatever follows would only wait for the same
            pass
        finally:
            is_left = self._is_left()
        yield from self._rights()
        yield from found
        if is_left:
            fix = f"delete the container {self.container!r} yourself"
            yield warning("storage-left", self.facts.storage_name, "the container of this check may be left", fix)

    def _use(self) -> Iterator[Finding]:
        """Do in the container what clusters do, and yield what is found beside what is noted."""
        keeps_versions = self._act("write a blob", probes.WriteProbeBlob(self.container, _BLOB))
        self._act("read a blob", GetBlob(self.container, _BLOB))
        self._act("list blobs", blob_names(self.container))
        yield from self._sas()
        self._act("delete a blob", DeleteBlob(self.container, _BLOB))
        yield from self._retention(bool(keeps_versions))

    def _act(self, what: str, request: Action[R] | Request[R]) -> R | None:
        """Perform a request, and return its answer; note the error of one that fails.

        :raises ConnectionFailedError: the account does not answer any more.
        """
        try:
            return self.runner.run(request)
        except AztkError as error:
            self.failed[what] = error
            if isinstance(error, ConnectionFailedError):
                raise
            return None

    def _is_left(self) -> bool:
        """Delete the container, and return whether it may be there all the same."""
        failed = self.failed.get("create a container")
        if failed is not None and not isinstance(failed, ConnectionFailedError):
            return False
        try:
            self.runner.run(DeleteContainer(self.container))
        except AztkError as error:
            self.failed["delete a container"] = error
            return True
        return False

    def _rights(self) -> Iterator[Finding]:
        subject = self.facts.storage_name
        if not self.failed:
            text = "containers and blobs can be created, read, listed and deleted"
            yield ok("storage-rights", subject, text)
            return
        first = next(iter(self.failed.values()))
        fix = fix_of(first, subject, STORAGE_ROLE, has_token=self.facts.has_token)
        yield error("storage-rights", subject, f"cannot {', '.join(self.failed)}: {message_of(first)}", fix, _ROLE_PAGE)

    def _sas(self) -> Iterator[Finding]:
        """Sign a URL as a cluster's nodes get it, and read with it."""
        subject = self.facts.storage_name
        if self.facts.has_token:
            try:
                self.runner.run(probes.GetDelegationKey())
            except AztkError as refused:
                fix = fix_of(refused, subject, STORAGE_ROLE, has_token=True) + ", at the scope of the account"
                yield error("delegation-key", subject, message_of(refused), fix, _KEY_PAGE)
                return
            yield ok("delegation-key", subject, "gives a user delegation key")
        try:
            url = self.runner.run(sign_container(self.container, self.facts.cluster.max_lifetime))
            http.request("GET", f"{url}&restype=container&comp=list&maxresults=1")
        except HTTPError as answer:
            code = answer.headers.get("x-ms-error-code") or answer.reason
            fix = (
                "see the SAS expiration policy of the account (Configuration in the portal); give a shorter "
                "max_lifetime, which the SAS outlives by a day, or set sas_lifetime in the connection"
            )
            text = f"refuses a SAS as the nodes get it (for {self.facts.sas_lifetime}): {answer.code} {code}"
            yield error("storage-sas", subject, text, fix, _SAS_PAGE)
        except (URLError, OSError) as answer:
            text = f"does not answer a request with a SAS: {getattr(answer, 'reason', answer)}"
            yield warning("storage-sas", subject, text, "check the proxy and the firewall of this network", _SAS_PAGE)
        except AztkError as refused:
            fix = fix_of(refused, subject, STORAGE_ROLE, has_token=self.facts.has_token)
            yield error("storage-sas", subject, message_of(refused), fix, _SAS_PAGE)
        else:
            yield ok("storage-sas", subject, "takes a SAS as the nodes get it")

    def _retention(self, keeps_versions: bool) -> Iterator[Finding]:
        """Report what keeps each of the heartbeats that a cluster writes every few seconds."""
        subject = self.facts.storage_name
        kept = self._kept() or (["blob versioning is on"] if keeps_versions else [])
        if not kept:
            yield ok("storage-retention", subject, "keeps no old versions of blobs")
            return
        fix = "switch it off under Data protection, or use an account of its own for clusters"
        text = f"{' and '.join(kept)}: what clusters write again and again, and what they delete, is kept and paid"
        yield warning("storage-retention", subject, text, fix, _RETENTION_PAGE)

    def _kept(self) -> list[str]:
        """Return what the account keeps: as Resource Manager has it, else what the account itself says."""
        with contextlib.suppress(AztkError, NoTokenError, BlockedError):
            found = self.facts.blob_service().get("properties") or {}
            policy = found.get("deleteRetentionPolicy") or {}
            kept = ["blob versioning is on"] if found.get("isVersioningEnabled") else []
            if policy.get("enabled"):
                kept.append(f"blob soft delete keeps {policy.get('days')} days")
            containers = found.get("containerDeleteRetentionPolicy") or {}
            if containers.get("enabled"):
                kept.append(f"container soft delete keeps {containers.get('days')} days")
            return kept + (["the change feed is on"] if (found.get("changeFeed") or {}).get("enabled") else [])
        with contextlib.suppress(AztkError):  # with Entra ID only those who manage the account may read it
            if days := self.runner.run(probes.GetBlobRetentionDays()):
                return [f"blob soft delete keeps {days} days"]
        return []
