"""What of the storage account's settings concerns clusters: namespace, firewall, SAS policy, keys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure import probes
from airflow_provider_aztk.client.errors import AztkError
from airflow_provider_aztk.doctor.facts import BlockedError, NoTokenError
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

Json = dict[str, Any]

_HNS_PAGE = "https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-namespace"
_FIREWALL_PAGE = "https://learn.microsoft.com/azure/storage/common/storage-network-security"
_SAS_PAGE = "https://learn.microsoft.com/azure/storage/common/sas-expiration-policy"
_PERIOD = re.compile(r"(\d+)\.(\d+):(\d+):(\d+)")


def namespace(facts: Facts) -> Iterator[Finding]:
    """Ask whether the account has a hierarchical namespace."""
    subject = facts.storage_name
    hierarchical = _is_hierarchical(facts)
    if hierarchical is None:
        fix = "see 'Hierarchical namespace' on the account's page in the portal; clusters need none"
        yield warning(
            "storage-namespace", subject, "whether it has a hierarchical namespace is unknown", fix, _HNS_PAGE
        )
    elif hierarchical:
        text = "has a hierarchical namespace (Data Lake Storage): it works, with more requests for each deletion"
        fix = "prefer an account without one for clusters; your data may stay in this one"
        yield warning("storage-namespace", subject, text, fix, _HNS_PAGE)
    else:
        yield ok("storage-namespace", subject, "has no hierarchical namespace")


def _is_hierarchical(facts: Facts) -> bool | None:
    account = _account(facts)
    if account is not None:
        return bool(account.get("isHnsEnabled"))
    try:
        return facts.storage().run(probes.GetAccountInformation()).hierarchical
    except AztkError:
        return None


def settings(facts: Facts) -> Iterator[Finding]:
    """Read firewall, SAS policy and key access."""
    account = _account(facts)
    if account is None:
        if not facts.has_token:
            fix = "see Networking on the account's page in the portal, or sign in with Entra ID"
            text = "whether the firewall lets the nodes in is unknown: account keys do not open Azure Resource Manager"
            yield warning("storage-settings", facts.storage_name, text, fix, _FIREWALL_PAGE)
        return
    yield from _firewall(facts, account)
    yield from _sas_policy(facts, account)
    yield from _keys(facts, account)


def _account(facts: Facts) -> Json | None:
    """Return the properties of the account; None where they cannot be read, which another check reports."""
    try:
        found: Json = facts.storage_account().get("properties") or {}
    except (AztkError, NoTokenError, BlockedError):
        return None
    return found


def _firewall(facts: Facts, account: Json) -> Iterator[Finding]:
    subject, subnet = facts.storage_name, (facts.cluster.subnet_id or "").lower()
    rules = account.get("networkAcls") or {}
    allowed = {str(rule.get("id")).lower() for rule in rules.get("virtualNetworkRules") or ()}
    closed = account.get("publicNetworkAccess") == "Disabled"
    if not closed and rules.get("defaultAction") != "Deny":
        yield ok("storage-firewall", subject, "is open to all networks")
    elif not closed and subnet in allowed:
        yield ok("storage-firewall", subject, "lets the nodes' subnet in")
    elif subnet:
        text = "is closed to the nodes' subnet, unless there is a private endpoint in its network"
        fix = "add the subnet under Networking (with the service endpoint Microsoft.Storage), or a private endpoint"
        yield warning("storage-firewall", subject, text, fix, _FIREWALL_PAGE)
    else:
        text = "is closed to the nodes: they have public addresses of Azure, which its firewall cannot name"
        fix = "give subnet_id and let that subnet in under Networking, or open the account to all networks"
        yield error("storage-firewall", subject, text, fix, _FIREWALL_PAGE)


def _sas_policy(facts: Facts, account: Json) -> Iterator[Finding]:
    policy = account.get("sasPolicy") or {}
    match = _PERIOD.fullmatch(str(policy.get("sasExpirationPeriod") or ""))
    if match is None:
        yield ok("storage-sas-policy", facts.storage_name, "has no SAS expiration policy")
        return
    days, hours, minutes, seconds = map(int, match.groups())
    longest = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    text = f"has a SAS expiration policy of {longest}; the nodes' SAS lives {facts.sas_lifetime}"
    if facts.sas_lifetime <= longest or policy.get("expirationAction") != "Block":
        yield ok("storage-sas-policy", facts.storage_name, text)
        return
    fix = (
        f"give a shorter max_lifetime (the SAS lives a day longer), set sas_lifetime in the connection to at most "
        f"{longest.total_seconds() / 3600:g} hours, or change the policy under Configuration"
    )
    yield error("storage-sas-policy", facts.storage_name, text, fix, _SAS_PAGE)


def _keys(facts: Facts, account: Json) -> Iterator[Finding]:
    if account.get("allowSharedKeyAccess") is False:
        text = "account keys are switched off; this connection uses none"
    else:
        text = "account keys are switched on; this connection uses none"
    yield ok("storage-keys", facts.storage_name, text)
