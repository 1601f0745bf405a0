"""Checking what clients send for pools and tasks, and filling in the service's defaults."""

from __future__ import annotations

import re
from copy import deepcopy

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property, not_implemented
from airflow_provider_aztk.local.batch.common.times import NO_LIMIT
from airflow_provider_aztk.local.batch.common.values import (
    Json,
    check_display_name,
    choice,
    duration,
    integer,
    items,
    members,
    required,
)
from airflow_provider_aztk.local.batch.execution.simulated import read_simulation

__all__ = ["check_dependencies", "check_exit_conditions", "check_metadata", "pool_spec", "start_task_spec", "task_spec"]

_FIVE_MINUTES = 300
_MAX_SLOTS = 256
_VM_SIZE = re.compile(
    r"(?:standard_)?[a-z]+(?P<cores>\d+)(?:-(?P<limited>\d+))?[a-z]*(?P<version>_v\d+)?", re.IGNORECASE
)
_FILE_MODE = re.compile(r"(0o?)?[0-7]{3,4}\Z", re.ASCII)
_NO_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000/"
_MAX_DEPENDENCY_CHARACTERS = 64_000


def check_metadata(body: Json) -> None:
    """Check that metadata is a list of names with values."""
    for entry in items(body, "metadata"):
        required(entry, "name")
        required(entry, "value")


def pool_spec(body: Json) -> Json:
    """Check a pool, or the pool of an auto-pool, and fill in the defaults."""
    spec = deepcopy(body)
    check_display_name(spec)
    spec["vmSize"] = str(required(body, "vmSize")).lower()
    _pool_size(spec)
    slots = body.get("taskSlotsPerNode", body.get("maxTasksPerNode"))
    spec["taskSlotsPerNode"] = integer(
        {"taskSlotsPerNode": slots}, "taskSlotsPerNode", 1, 1, _max_slots(spec["vmSize"])
    )
    policy = members(spec, "taskSchedulingPolicy")
    fill = choice(policy, "nodeFillType", "Spread", ("spread", "pack")).capitalize()
    spec["taskSchedulingPolicy"] = {**policy, "nodeFillType": fill}
    spec.setdefault("enableInterNodeCommunication", False)
    _machine(spec)
    _network(spec)
    _accounts(spec)
    check_metadata(spec)
    if spec.get("startTask") is not None:
        spec["startTask"] = start_task_spec(members(spec, "startTask"))
    return spec


def _pool_size(spec: Json) -> None:
    if spec.get("enableAutoScale"):
        raise not_implemented("autoscale formulas")
    if spec.get("autoScaleFormula"):
        raise invalid_property("autoScaleFormula", spec["autoScaleFormula"], "enableAutoScale is false")
    spec["enableAutoScale"] = False
    spec["targetDedicatedNodes"] = integer(spec, "targetDedicatedNodes", 0, 0)
    spec["targetLowPriorityNodes"] = integer(spec, "targetLowPriorityNodes", 0, 0)
    if spec.get("enableInterNodeCommunication") and spec["targetDedicatedNodes"] and spec["targetLowPriorityNodes"]:
        raise invalid_property(
            "enableInterNodeCommunication",
            True,
            "Dedicated and low-priority nodes cannot be in one pool if communication is enabled",
        )
    duration(spec, "resizeTimeout", _FIVE_MINUTES)
    spec.setdefault("resizeTimeout", "PT15M")


def _max_slots(vm_size: str) -> int:
    match = _VM_SIZE.fullmatch(vm_size)
    # The number in Dv2 sizes is no count of cores.
    if match is None or (match["version"] or "").lower() == "_v2":
        return _MAX_SLOTS
    return min(_MAX_SLOTS, 4 * max(1, int(match["limited"] or match["cores"])))


def _machine(spec: Json) -> None:
    machine = members(spec, "virtualMachineConfiguration")
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
    for disk in items(machine, "dataDisks"):
        disk.setdefault("caching", "none")
        disk.setdefault("storageAccountType", "standard_lrs")
    containers = members(machine, "containerConfiguration")
    if containers:
        choice(containers, "type", str(required(containers, "type")), ("dockerCompatible", "criCompatible"))
        for registry in items(containers, "containerRegistries"):
            registry.pop("password", None)


def _network(spec: Json) -> None:
    network = members(spec, "networkConfiguration")
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


def _exists_in_azure(name: str, body: Json) -> None:
    """Take any resource to exist, but those of the subscription that nobody has."""
    if _NO_SUBSCRIPTION in str(body.get(name, "")).lower():
        raise invalid_property(name, body[name], "The specified resource does not exist, or access to it is denied.")


def _accounts(spec: Json) -> None:
    for account in items(spec, "userAccounts"):
        required(account, "name")
        required(account, "password")
        account.pop("password")
        account.setdefault("elevationLevel", "nonadmin")
        members(account, "linuxUserConfiguration").pop("sshPrivateKey", None)
    for mount in items(spec, "mountConfiguration"):
        for name in mount:
            for secret in ("accountKey", "sasKey", "password"):
                members(mount, name).pop(secret, None)


def start_task_spec(body: Json) -> Json:
    """Check a start task and fill in the defaults."""
    spec = _command(body)
    spec["maxTaskRetryCount"] = integer(body, "maxTaskRetryCount", 0, -1)
    spec["waitForSuccess"] = bool(body.get("waitForSuccess", True))
    return spec


def task_spec(body: Json, *, max_slots: int | None = None) -> Json:
    """Check a task or job manager task and fill in the defaults.

    :param max_slots: slots of a node of its pool, if that is known.
    """
    spec = _command(body)
    if body.get("multiInstanceSettings"):
        raise not_implemented("multi-instance tasks")
    constraints = members(body, "constraints")
    duration(constraints, "maxWallClockTime")
    duration(constraints, "retentionTime")
    spec["constraints"] = {
        "maxWallClockTime": constraints.get("maxWallClockTime") or NO_LIMIT,
        "retentionTime": constraints.get("retentionTime") or "P7D",
        "maxTaskRetryCount": integer(constraints, "maxTaskRetryCount", 0, -1),
    }
    spec["requiredSlots"] = integer(body, "requiredSlots", 1, 1, max_slots or _MAX_SLOTS)
    for output in items(spec, "outputFiles"):
        _output_file(output)
    read_simulation(spec)
    return spec


def _command(body: Json) -> Json:
    spec = deepcopy(body)
    check_display_name(spec)
    if "authenticationTokenSettings" in body:
        raise invalid_property(
            "authenticationTokenSettings",
            body["authenticationTokenSettings"],
            "Property authenticationTokenSettings is not enabled for current account",
        )
    container = members(spec, "containerSettings")
    if container:
        required(container, "imageName")
        members(container, "registry").pop("password", None)
    elif not str(required(body, "commandLine")).strip():
        raise invalid_property("commandLine", "", "The command line must not be empty.")
    for setting in items(spec, "environmentSettings"):
        required(setting, "name")
    for file in items(spec, "resourceFiles"):
        _resource_file(file)
    if not members(spec, "userIdentity"):
        spec["userIdentity"] = {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}
    return spec


def _resource_file(file: Json) -> None:
    if "blobSource" in file:
        file["httpUrl"] = file.pop("blobSource")  # as it was called until 2018
    sources = [name for name in ("autoStorageContainerName", "storageContainerUrl", "httpUrl") if file.get(name)]
    if len(sources) != 1:
        raise invalid_property(
            "resourceFiles",
            sources,
            "Exactly one of autoStorageContainerName, storageContainerUrl and httpUrl is needed.",
        )
    if sources == ["httpUrl"]:
        required(file, "filePath")
    if not _FILE_MODE.match(str(file.get("fileMode") or "0770")):
        raise invalid_property("fileMode", file["fileMode"], "An octal number is expected.")
    if ".." in str(file.get("filePath", "")).split("/") or str(file.get("filePath", "")).startswith("/"):
        raise invalid_property("filePath", file["filePath"], "The path must stay in the task's working directory.")


def _output_file(output: Json) -> None:
    required(output, "filePattern")
    required(members(members(output, "destination"), "container"), "containerUrl")
    options = members(output, "uploadOptions")
    # The service sends the condition back with capitals, however it came.
    words = {word.lower(): word for word in ("TaskSuccess", "TaskFailure", "TaskCompletion")}
    condition = choice(options, "uploadCondition", "taskcompletion", tuple(words))
    output["uploadOptions"] = {**options, "uploadCondition": words[condition.lower()]}


def check_exit_conditions(spec: Json, *, job_reacts: bool) -> None:
    """Check a task's exit conditions.

    :param job_reacts: whether the job's ``onTaskFailure`` is ``performExitOptionsJobAction``.
    """
    conditions = members(spec, "exitConditions")
    options = [members(conditions, name) for name in ("preProcessingError", "fileUploadError", "default")]
    for entry in items(conditions, "exitCodes"):
        required(entry, "code")
        options.append(members(entry, "exitOptions"))
    for entry in items(conditions, "exitCodeRanges"):
        if integer(entry, "start", 0) > integer(entry, "end", 0):
            raise invalid_property("exitCodeRanges", entry, "start must not be greater than end.")
        options.append(members(entry, "exitOptions"))
    for option in options:
        choice(option, "dependencyAction", "block", ("satisfy", "block"))
        action = choice(option, "jobAction", "none", ("none", "disable", "terminate"))
        if option.get("jobAction") is not None and not job_reacts:
            raise invalid_property(
                "jobAction", action, "jobAction cannot be specified when the job's onTaskFailure is noaction."
            )


def check_dependencies(spec: Json, *, job_uses_them: bool) -> None:
    """Check what a task depends on."""
    depends = members(spec, "dependsOn")
    ids = depends.get("taskIds") or []
    ranges = items(depends, "taskIdRanges")
    if (ids or ranges) and not job_uses_them:
        raise BatchServiceError("TaskDependenciesNotSpecifiedOnJob")
    if not isinstance(ids, list) or not all(isinstance(task_id, str) for task_id in ids):
        raise invalid_property("taskIds", ids, "A list of task ids is expected.")
    if sum(map(len, ids)) > _MAX_DEPENDENCY_CHARACTERS:
        raise BatchServiceError("TaskDependencyListTooLong")
    for entry in ranges:
        if integer(entry, "start", 0, 0) > integer(entry, "end", 0, 0):
            raise invalid_property("taskIdRanges", entry, "start must not be greater than end.")
