"""Questions that single requests answer: no node is needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.delegation_keys import DelegationKeyStatus
from airflow_provider_aztk.verify.answers import Observed, Question, Stage
from airflow_provider_aztk.verify.errors import NotAskedError
from airflow_provider_aztk.verify.lab import DELETION
from airflow_provider_aztk.verify.sweep import owner_of

if TYPE_CHECKING:
    from airflow_provider_aztk.verify.lab import Lab

__all__ = ["QUESTIONS"]

_MOST_RULES = 25
_TOO_LONG = timedelta(days=8)
_REST = "https://learn.microsoft.com/rest/api/batchservice"
_NO_SUBNET = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/none"
    "/providers/Microsoft.Network/virtualNetworks/none/subnets/none"
)


def list_images(lab: Lab) -> Observed:
    """Ask for all images, and for what the product takes of them; the list goes into the recording as it is."""
    lab.images = lab.account.list("/supportedimages")
    fitting = sorted(
        f"{image['imageReference']['publisher']}:{image['imageReference']['offer']}:{image['imageReference']['sku']}"
        for image in lab.images
        if image.get("verificationType") == "verified"
        and image.get("osType") == "linux"
        and "DockerCompatible" in (image.get("capabilities") or ())
    )
    offers = sorted({name.rpartition(":")[0] for name in fitting})
    return Observed({"verified_linux_with_docker": offers}, {"skus": fitting, "images": len(lab.images)})


def _refusal(lab: Lab, part: str, **more: Any) -> Observed:
    """Send a job that should be refused; one that is taken is deleted with the rest."""
    id = lab.new_id(part)
    reply = lab.account.send("POST", "/jobs", {"id": id, "poolInfo": {"poolId": "none"}, **more})
    return Observed(reply.outcome(), reply.detail())


def wrong_type(lab: Lab) -> Observed:
    """Send text where a number belongs."""
    return _refusal(lab, "wrong-type", priority="high")


def unknown_name(lab: Lab) -> Observed:
    """Send a member that the service does not know."""
    return _refusal(lab, "unknown-name", aztkVerify="unknown")


def select_path(lab: Lab) -> Observed:
    """Select a member of an object."""
    reply = lab.account.send("GET", "/jobs", params={"$select": "id,executionInfo/startTime", "maxresults": "1"})
    return Observed(reply.outcome(), reply.detail())


def subnet_shared_key(lab: Lab) -> Observed:
    """Send a job whose pool is in a subnet (that does not exist), signed with the account key; without nodes."""
    if lab.account.secrets.shared_key is None:
        raise NotAskedError("the connection signs in with Entra ID, not with account keys")
    return _network(lab, "subnet", {"subnetId": _NO_SUBNET})


def nsg_rules(lab: Lab) -> Observed:
    """Send a job whose pool has a NAT rule with one security rule too many; without nodes."""
    rule = {"access": "allow", "sourceAddressPrefix": "192.0.2.1"}
    nat = {
        "name": "ssh",
        "protocol": "tcp",
        "backendPort": 22,
        "frontendPortRangeStart": 40000,
        "frontendPortRangeEnd": 40500,
        "networkSecurityGroupRules": [{**rule, "priority": 150 + index} for index in range(_MOST_RULES + 1)],
    }
    return _network(lab, "rules", {"endpointConfiguration": {"inboundNATPools": [nat]}})


def _network(lab: Lab, part: str, network: dict[str, Any]) -> Observed:
    reference = {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404", "version": "latest"}
    pool = {
        "vmSize": "standard_d2s_v5",
        "virtualMachineConfiguration": {"imageReference": reference, "nodeAgentSKUId": "batch.node.ubuntu 24.04"},
        "targetDedicatedNodes": 0,
        "networkConfiguration": network,
    }
    reply = lab.account.send("POST", "/jobs", lab.plain_job(lab.new_id(part), pool))
    return Observed(reply.outcome(), reply.detail())


def delegation_key(lab: Lab) -> Observed:
    """Ask for a user delegation key that lives longer than 7 days."""
    if lab.account.secrets.shared_key is not None:
        raise NotAskedError("the connection signs in with account keys, not with Entra ID")
    status, code = lab.account.run(DelegationKeyStatus(_TOO_LONG))
    return Observed({"status": status}, {"code": code, "asked_for": str(_TOO_LONG)})


def early_deletion(lab: Lab) -> Observed:
    """Create a cluster of one node, delete its job 5 seconds later, and look for its pool."""
    from airflow_provider_aztk.client.models import ClusterConfiguration

    id = lab.new_id("early")
    patience = lab.plan.patience.total_seconds()
    lab.account.client.create_cluster(ClusterConfiguration(cluster_id=id, vm_count=1, **lab.shape()))
    time.sleep(min(5.0, patience / 4))
    lab.account.send("DELETE", f"/jobs/{id}")
    seen = _Seen(time.monotonic())

    def answer() -> bool | None:
        """Return whether the pool is gone, or stays without its job; None while the service is at work."""
        pools = lab.account.list("/pools", **{"$select": "id,state,metadata"})
        seen.note([str(p["state"]) for p in pools if owner_of(p) == id], lab.account.get(f"/jobs/{id}") is not None)
        if seen.for_seconds("nothing") > patience / 6:  # the pool may come after its job has gone
            return True
        return False if seen.for_seconds("a pool that stays") > patience else None

    is_gone = lab.wait_for(answer, patience * DELETION)
    lab.account.client.delete_cluster(id)  # its container, and its pool where that is still there
    if is_gone is None:
        raise NotAskedError(f"after {seen.age():.0f} seconds it was still being deleted: {seen.what}")
    return Observed({"pool_gone": is_gone}, {"decided_after_seconds": round(seen.age(), 1)})


@dataclass
class _Seen:
    """What was there of a deleted job at the last look, and since when.

    :param begun: when its deletion was asked for.
    """

    begun: float
    what: str = ""
    since: float = 0.0

    def note(self, pool_states: list[str], has_job: bool) -> None:
        """Note what there is."""
        is_busy = has_job or "deleting" in pool_states
        what = "its job or pool" if is_busy else "a pool that stays" if pool_states else "nothing"
        if what != self.what:
            self.what, self.since = what, time.monotonic()

    def age(self) -> float:
        """Return the seconds since the deletion was asked for."""
        return time.monotonic() - self.begun

    def for_seconds(self, what: str) -> float:
        """Return for how long just this was there."""
        return time.monotonic() - self.since if what == self.what else 0.0


QUESTIONS = (
    Question(
        id="images",
        asks="Which verified Linux images with Docker does the account list?",
        assumes="Only microsoft-dsvm:ubuntu-hpc",
        expected={"verified_linux_with_docker": ["microsoft-dsvm:ubuntu-hpc"]},
        page=f"{_REST}/pools/list-supported-images",
        stage=Stage.REQUESTS,
        ask=list_images,
    ),
    Question(
        id="body-wrong-type",
        asks="What is the answer to a body with text where a number belongs?",
        assumes="400 InvalidPropertyValue",
        expected={"status": 400, "code": "InvalidPropertyValue"},
        page=f"{_REST}/batch-status-and-error-codes",
        stage=Stage.REQUESTS,
        ask=wrong_type,
    ),
    Question(
        id="body-unknown-name",
        asks="What is the answer to a body with a member that the service does not know?",
        assumes="400 InvalidRequestBody",
        expected={"status": 400, "code": "InvalidRequestBody"},
        page=f"{_REST}/batch-status-and-error-codes",
        stage=Stage.REQUESTS,
        ask=unknown_name,
    ),
    Question(
        id="select-path",
        asks="Is `a/b` in `$select` taken?",
        assumes="It is, and selects one member of an object",
        expected={"status": 200},
        page="https://learn.microsoft.com/azure/batch/batch-efficient-list-queries",
        stage=Stage.REQUESTS,
        ask=select_path,
    ),
    Question(
        id="subnet-shared-key",
        asks="What is the answer to a pool in a subnet, signed with an account key?",
        assumes="403 AuthenticationFailed; the detail says that SharedKey is not allowed with a network",
        expected={"status": 403, "code": "AuthenticationFailed"},
        page="https://learn.microsoft.com/azure/batch/batch-virtual-network",
        stage=Stage.REQUESTS,
        ask=subnet_shared_key,
    ),
    Question(
        id="nsg-rules",
        asks="What is the answer to a pool with 26 network security group rules?",
        assumes="400 InvalidPropertyValue",
        expected={"status": 400, "code": "InvalidPropertyValue"},
        page=f"{_REST}/pools/create-pool",
        stage=Stage.REQUESTS,
        ask=nsg_rules,
    ),
    Question(
        id="delegation-key-lifetime",
        asks="What is the answer to a user delegation key of more than 7 days?",
        assumes="400",
        expected={"status": 400},
        page="https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key",
        stage=Stage.REQUESTS,
        ask=delegation_key,
    ),
    Question(
        id="early-deletion",
        asks="Is the auto-pool of a job gone that was deleted 5 seconds after it was made?",
        assumes="It is, with its job",
        expected={"pool_gone": True},
        page=f"{_REST}/jobs/delete-job",
        stage=Stage.EARLY_DELETION,
        ask=early_deletion,
    ),
)
