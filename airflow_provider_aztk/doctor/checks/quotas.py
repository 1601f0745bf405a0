"""Whether the quotas of the Batch account leave room for the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_aztk.client.errors import AztkError
from airflow_provider_aztk.client.models import _sizes
from airflow_provider_aztk.doctor.facts import BlockedError, NoTokenError
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning
from airflow_provider_aztk.doctor.vm_sizes import VmSize, sizes_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

Json = dict[str, Any]

#: With inter-node communication, in a pool whose nodes are in the user's subscription.
_MOST_NODES_OF_A_SUBSCRIPTION = 80
_PAGE = "https://learn.microsoft.com/azure/batch/batch-quota-limit"
_ASK_FOR_MORE = "ask for more under Quotas on the account's page in the portal, or use fewer or smaller nodes"


class Used(NamedTuple):
    """Cores that the pools of the account have, or are about to have."""

    dedicated: int
    spot: int
    of_family: int


def quotas(facts: Facts) -> Iterator[Finding]:
    """Compare the quotas with what is used and what the cluster needs."""
    conf = facts.cluster
    cores = _cores(facts, conf.vm_size)
    if cores is None:
        fix = f"compare {conf.nodes} nodes of {conf.vm_size} with Quotas on the account's page in the portal"
        yield warning("quotas", _subject(facts), f"the vCPUs of {conf.vm_size} are unknown", fix, _PAGE)
        return
    pools, jobs = facts.pools(), facts.active_jobs()
    account = _account(facts)
    if account is None or account.get("poolAllocationMode") == "UserSubscription":
        yield _unknown(facts, account, cores, pools, jobs)
        yield from _nodes(facts, account)
        return
    used = _used(facts, pools)
    yield from _cores_quota(facts, account, used, cores)
    for check, what, quota, now in (
        ("quota-pools", "pools", account.get("poolQuota"), len(pools)),
        ("quota-jobs", "active jobs", account.get("activeJobAndJobScheduleQuota"), jobs),
    ):
        yield _compared(facts, check, what, quota, now, 1)


def _subject(facts: Facts) -> str:
    return f"quotas of {facts.batch_name}"


def _account(facts: Facts) -> Json | None:
    try:
        found: Json = facts.batch_account().get("properties") or {}
    except (AztkError, NoTokenError, BlockedError):
        return None
    return found


def _unknown(facts: Facts, account: Json | None, cores: int, pools: list[Json], jobs: int) -> Finding:
    conf = facts.cluster
    needs = f"{conf.nodes} nodes of {conf.vm_size} need {conf.nodes * cores} cores, a pool and a job"
    now = f"now there are {len(pools)} pools and {jobs} active jobs"
    if account is not None:
        where = "Quotas of the subscription in the portal: this account makes its nodes there (user subscription mode)"
    elif facts.has_token:
        where = "Quotas on the account's page in the portal, or assign the role 'Reader' on the account"
    else:
        where = "Quotas on the account's page in the portal, or sign in with Entra ID, which lets doctor read them"
    return warning("quotas", _subject(facts), f"unknown; {needs}, {now}", f"see {where}", _PAGE)


def _nodes(facts: Facts, account: Json | None) -> Iterator[Finding]:
    """Check the nodes that can reach each other; in the other mode the definition itself is refused."""
    conf = facts.cluster
    if account is not None and conf.subnet_id is None and conf.nodes > _MOST_NODES_OF_A_SUBSCRIPTION:
        text = f"{conf.nodes} nodes: in user subscription mode {_MOST_NODES_OF_A_SUBSCRIPTION} can reach each other"
        fix = "use fewer and larger nodes, or give a subnet_id of yours"
        yield error("quota-nodes", _subject(facts), text, fix, _PAGE)


def _cores_quota(facts: Facts, account: Json, used: Used, cores: int) -> Iterator[Finding]:
    conf = facts.cluster
    if conf.vm_low_pri_count:
        need, quota = conf.vm_low_pri_count * cores, account.get("lowPriorityCoreQuota")
        yield _compared(facts, "quota-spot-cores", "Spot cores", quota, used.spot, need)
    if not conf.vm_count:
        return
    need = conf.vm_count * cores
    yield _compared(facts, "quota-cores", "cores", account.get("dedicatedCoreQuota"), used.dedicated, need)
    if not account.get("dedicatedCoreQuotaPerVMFamilyEnforced"):
        return
    size = _size(facts, conf.vm_size)
    if size is None and sizes_by_name(facts):
        return  # it is not offered here, which another check reports
    if size is None or not size.family:
        fix = f"see the VM series of {conf.vm_size} under Quotas on the account's page in the portal"
        yield warning("quota-family", _subject(facts), "the VM family's quota is unknown", fix, _PAGE)
        return
    families = {
        str(entry.get("name")).lower(): entry.get("coreQuota")
        for entry in account.get("dedicatedCoreQuotaPerVMFamily") or ()
    }
    quota = families.get(size.family.lower(), 0)
    yield _compared(facts, "quota-family", f"cores of {size.family}", quota, used.of_family, need)


def _compared(facts: Facts, check: str, what: str, quota: Any, used: int, need: int) -> Finding:
    if not isinstance(quota, int):
        fix = "see Quotas on the account's page in the portal"
        return warning(check, _subject(facts), f"the quota of {what} is unknown", fix, _PAGE)
    text = f"{what}: {need} needed, {used} of {quota} used"
    if quota < need:
        return error(check, _subject(facts), f"too small for {text}", _ASK_FOR_MORE, _PAGE)
    if quota - used < need:
        fix = (
            f"wait until others have ended, delete what is forgotten (`airflow aztk clusters list`), or {_ASK_FOR_MORE}"
        )
        return error(check, _subject(facts), f"used up for {text}", fix, _PAGE)
    return ok(check, _subject(facts), text)


def _used(facts: Facts, pools: list[Json]) -> Used:
    dedicated = spot = of_family = 0
    wanted = _size(facts, facts.cluster.vm_size)
    for pool in pools:
        name = str(pool.get("vmSize"))
        cores, size = _cores(facts, name) or 0, _size(facts, name)
        count = max(pool.get("currentDedicatedNodes") or 0, pool.get("targetDedicatedNodes") or 0)
        dedicated += count * cores
        spot += max(pool.get("currentLowPriorityNodes") or 0, pool.get("targetLowPriorityNodes") or 0) * cores
        if wanted and size and wanted.family.lower() == size.family.lower():
            of_family += count * cores
    return Used(dedicated, spot, of_family)


def _size(facts: Facts, name: str) -> VmSize | None:
    return sizes_by_name(facts).get(name.lower())


def _cores(facts: Facts, name: str) -> int | None:
    size = _size(facts, name)
    return (size.vcpus if size else None) or _sizes.vcpus(name)
