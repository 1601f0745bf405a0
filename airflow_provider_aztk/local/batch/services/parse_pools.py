"""Parsing pools and auto-pools: checks what clients send and fills in the service's defaults."""

from __future__ import annotations

import re
from copy import deepcopy

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property, not_implemented
from airflow_provider_aztk.local.batch.common.values import (
    Json,
    check_display_name,
    choice,
    duration,
    integer,
    items,
    members,
    option,
    required,
)
from airflow_provider_aztk.local.batch.services.parse_tasks import MAX_SLOTS, check_start_task, parse_start_task
from airflow_provider_aztk.local.batch.store.specs import AutoPoolSpec, JobOrder, NatPool, NodeFillType, PoolSpec

__all__ = ["check_metadata", "parse_auto_pool", "parse_pool", "read_pool"]

_MAX_PREFIX = 20
_FIVE_MINUTES = 300
_SMALLEST_OS_DISK = 30  # of the images of Linux that Azure lists; that of ubuntu-hpc has 64
_LARGEST_OS_DISK = 4095  # GB
_VM_SIZE = re.compile(
    r"(?:standard_)?[a-z]+(?P<cores>\d+)(?:-(?P<limited>\d+))?[a-z]*(?P<version>_v\d+)?", re.IGNORECASE
)
_NO_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000/"


def parse_pool(body: Json) -> PoolSpec:
    """Parse a pool, or the pool of an auto-pool.

    :raises BatchServiceError: the service would refuse it.
    """
    return read_pool(_check_pool(body))


def read_pool(echo: Json) -> PoolSpec:
    """Read a pool that was checked."""
    policy = members(echo, "taskSchedulingPolicy")
    containers = members(echo["virtualMachineConfiguration"], "containerConfiguration")
    endpoints = members(members(echo, "networkConfiguration"), "endpointConfiguration")
    start_task = members(echo, "startTask")
    return PoolSpec(
        vm_size=echo["vmSize"],
        slots_per_node=echo["taskSlotsPerNode"],
        target_dedicated=echo["targetDedicatedNodes"],
        target_low_priority=echo["targetLowPriorityNodes"],
        fill_type=option(policy, "nodeFillType", NodeFillType.SPREAD),
        job_order=option(policy, "jobDefaultOrder", JobOrder.NONE),
        inter_node_communication=bool(echo["enableInterNodeCommunication"]),
        container_images=tuple(map(str, containers.get("containerImageNames") or [])) if containers else None,
        start_task=parse_start_task(start_task) if start_task else None,
        nat_pools=tuple(
            NatPool(
                name=nat["name"],
                protocol=nat["protocol"],
                backend_port=nat["backendPort"],
                first_frontend_port=nat["frontendPortRangeStart"],
            )
            for nat in items(endpoints, "inboundNATPools")
        ),
        echo={name: value for name, value in echo.items() if name != "id"},
    )


def parse_auto_pool(body: Json) -> AutoPoolSpec:
    """Parse the specification of an auto-pool."""
    lifetime = choice(body, "poolLifetimeOption", str(required(body, "poolLifetimeOption")), ("jobschedule", "job"))
    if lifetime.lower() == "jobschedule":
        raise not_implemented("job schedules")
    prefix = str(body.get("autoPoolIdPrefix") or "")
    if len(prefix) > _MAX_PREFIX:
        raise invalid_property("autoPoolIdPrefix", prefix, f"The prefix may have at most {_MAX_PREFIX} characters.")
    if not members(body, "pool"):
        raise BatchServiceError("MissingRequiredProperty", PropertyName="pool")
    pool, keep_alive = parse_pool(body["pool"]), bool(body.get("keepAlive", False))
    echo = {**body, "keepAlive": keep_alive, "pool": pool.echo}
    return AutoPoolSpec(id_prefix=prefix, keep_alive=keep_alive, pool=pool, echo=echo)


def check_metadata(body: Json) -> None:
    """Check that metadata is a list of names with values."""
    for entry in items(body, "metadata"):
        required(entry, "name")
        required(entry, "value")


def _check_pool(body: Json) -> Json:
    """Check a pool, or the pool of an auto-pool, and fill in the defaults."""
    echo = deepcopy(body)
    check_display_name(echo)
    echo["vmSize"] = str(required(body, "vmSize")).lower()
    _pool_size(echo)
    slots = body.get("taskSlotsPerNode", body.get("maxTasksPerNode"))
    echo["taskSlotsPerNode"] = integer(
        {"taskSlotsPerNode": slots}, "taskSlotsPerNode", 1, 1, _max_slots(echo["vmSize"])
    )
    policy = members(echo, "taskSchedulingPolicy")
    fill = choice(policy, "nodeFillType", "Spread", ("spread", "pack")).capitalize()
    echo["taskSchedulingPolicy"] = {**policy, "nodeFillType": fill}
    echo.setdefault("enableInterNodeCommunication", False)
    _machine(echo)
    _network(echo)
    _accounts(echo)
    check_metadata(echo)
    if echo.get("startTask") is not None:
        echo["startTask"] = check_start_task(members(echo, "startTask"))
    return echo


def _pool_size(echo: Json) -> None:
    if echo.get("enableAutoScale"):
        raise not_implemented("autoscale formulas")
    if echo.get("autoScaleFormula"):
        raise invalid_property("autoScaleFormula", echo["autoScaleFormula"], "enableAutoScale is false")
    echo["enableAutoScale"] = False
    echo["targetDedicatedNodes"] = integer(echo, "targetDedicatedNodes", 0, 0)
    echo["targetLowPriorityNodes"] = integer(echo, "targetLowPriorityNodes", 0, 0)
    if echo.get("enableInterNodeCommunication") and echo["targetDedicatedNodes"] and echo["targetLowPriorityNodes"]:
        raise invalid_property(
            "enableInterNodeCommunication",
            True,
            "Dedicated and low-priority nodes cannot be in one pool if communication is enabled",
        )
    duration(echo, "resizeTimeout", _FIVE_MINUTES)
    echo.setdefault("resizeTimeout", "PT15M")


def _machine(echo: Json) -> None:
    machine = members(echo, "virtualMachineConfiguration")
    if not machine:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="virtualMachineConfiguration")
    image = members(machine, "imageReference")
    if not image:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="imageReference")
    required(machine, "nodeAgentSKUId")
    if "publisher" in image:
        image.setdefault("version", "latest")
    _exists_in_azure("virtualMachineImageId", image)
    for extension in items(machine, "extensions"):
        required(extension, "name")
        extension.pop("protectedSettings", None)
    os_disk = members(machine, "osDisk")
    if "diskSizeGB" in os_disk:
        os_disk["diskSizeGB"] = integer(os_disk, "diskSizeGB", 0, _SMALLEST_OS_DISK, _LARGEST_OS_DISK)
    for disk in items(machine, "dataDisks"):
        disk.setdefault("caching", "none")
        disk.setdefault("storageAccountType", "standard_lrs")
    containers = members(machine, "containerConfiguration")
    if containers:
        choice(containers, "type", str(required(containers, "type")), ("dockerCompatible", "criCompatible"))
        for registry in items(containers, "containerRegistries"):
            registry.pop("password", None)


def _network(echo: Json) -> None:
    network = members(echo, "networkConfiguration")
    if not network:
        return
    _exists_in_azure("subnetId", network)
    network.setdefault("dynamicVNetAssignmentScope", "none")
    for nat in items(members(network, "endpointConfiguration"), "inboundNATPools"):
        required(nat, "name")
        required(nat, "protocol")
        for port in ("backendPort", "frontendPortRangeStart", "frontendPortRangeEnd"):
            required(nat, port)
            nat[port] = integer(nat, port, 0, 1, 65535)
        for rule in items(nat, "networkSecurityGroupRules"):
            rule.setdefault("sourcePortRanges", ["*"])


def _accounts(echo: Json) -> None:
    for account in items(echo, "userAccounts"):
        required(account, "name")
        required(account, "password")
        account.pop("password")
        account.setdefault("elevationLevel", "nonadmin")
        members(account, "linuxUserConfiguration").pop("sshPrivateKey", None)
    for mount in items(echo, "mountConfiguration"):
        for name in mount:
            for secret in ("accountKey", "sasKey", "password"):
                members(mount, name).pop(secret, None)


def _max_slots(vm_size: str) -> int:
    match = _VM_SIZE.fullmatch(vm_size)
    # The number in Dv2 sizes is no count of cores.
    if match is None or (match["version"] or "").lower() == "_v2":
        return MAX_SLOTS
    return min(MAX_SLOTS, 4 * max(1, int(match["limited"] or match["cores"])))


def _exists_in_azure(name: str, body: Json) -> None:
    """Take any resource to exist, but those of the subscription that nobody has."""
    if _NO_SUBSCRIPTION in str(body.get(name, "")).lower():
        raise invalid_property(name, body[name], "The specified resource does not exist, or access to it is denied.")
