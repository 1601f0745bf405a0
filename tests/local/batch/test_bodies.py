"""Bodies of requests: what the service refuses in them, and what it takes from older clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.local.batch.api.body_check import check_schema
from airflow_provider_aztk.local.batch.api.schemas import SCHEMAS
from tests.local.support import API, raw

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack

MACHINE = {
    "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"},
    "nodeAgentSKUId": "batch.node.ubuntu 24.04",
}
TASK = {"id": "t", "commandLine": "true"}


def pool(**more: Any) -> dict[str, Any]:
    return {"id": "bodies", "vmSize": "Standard_D2s_v5", "virtualMachineConfiguration": MACHINE, **more}


def job(**more: Any) -> dict[str, Any]:
    return {"id": "bodies", "poolInfo": {"poolId": "none"}, **more}


UNKNOWN = {
    "pool": ("/pools", pool(nodes=1), "nodes"),
    "nat-capitals": (
        "/pools",
        pool(networkConfiguration={"endpointConfiguration": {"inboundNatPools": []}}),
        "inboundNatPools",
    ),
    "start-task": ("/pools", pool(startTask={"commandLine": "true", "retries": 1}), "retries"),
    "job": ("/jobs", job(pool="x"), "pool"),
    "auto-pool": (
        "/jobs",
        job(poolInfo={"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": {"vmsize": "x"}}}),
        "vmsize",
    ),
    "manager": ("/jobs", job(jobManagerTask={"id": "m", "commandLine": "true", "dependsOn": {}}), "dependsOn"),
}


@pytest.mark.wire("documented")
@pytest.mark.parametrize("case", UNKNOWN)
def test_a_name_that_nobody_knows_is_refused_and_named(aztk_local: LocalStack, case: str) -> None:
    target, body, name = UNKNOWN[case]
    reply = raw(aztk_local, "POST", f"{target}?{API}", body)
    assert (reply.status, reply.json["code"]) == (400, "InvalidRequestBody")
    values = {entry["key"]: entry["value"] for entry in reply.json["values"]}
    assert values["PropertyName"] == name
    assert f"'{name}' does not exist on type" in values["Reason"]
    assert raw(aztk_local, "GET", f"{target}/bodies?{API}").status == 404


WRONG = {
    "number": ("/pools", pool(targetDedicatedNodes="many"), "targetDedicatedNodes"),
    "huge-number": ("/pools", pool(targetDedicatedNodes=10**12), "targetDedicatedNodes"),
    "boolean": ("/pools", pool(enableInterNodeCommunication="false"), "enableInterNodeCommunication"),
    "text": ("/pools", pool(metadata=[{"name": "a", "value": 1}]), "value"),
    "object": ("/pools", pool(startTask=[]), "startTask"),
    "list": ("/pools", pool(metadata={}), "metadata"),
    "word": ("/pools", pool(startTask={"commandLine": "true", "userIdentity": {"autoUser": {"scope": "me"}}}), "scope"),
    "duration": ("/jobs", job(constraints={"maxWallClockTime": "1 h"}), "maxWallClockTime"),
    "long-name": ("/pools", pool(displayName="n" * 1025), "displayName"),
    "bad-pool-id": ("/jobs", job(poolInfo={"poolId": "a/b"}), "poolId"),
    "two-pools": ("/jobs", job(poolInfo={"poolId": "a", "autoPoolSpecification": {}}), "poolInfo"),
    "file-mode": (
        "/pools",
        pool(
            startTask={
                "commandLine": "true",
                "resourceFiles": [{"httpUrl": "http://127.0.0.1:1/x", "filePath": "x", "fileMode": "999"}],
            }
        ),
        "fileMode",
    ),
}


@pytest.mark.wire("documented")
@pytest.mark.parametrize("case", WRONG)
def test_a_value_of_the_wrong_type_is_refused_and_named(aztk_local: LocalStack, case: str) -> None:
    target, body, name = WRONG[case]
    reply = raw(aztk_local, "POST", f"{target}?{API}", body)
    assert (reply.status, reply.json["code"]) == (400, "InvalidPropertyValue")
    assert {"key": "PropertyName", "value": name} in reply.json["values"]
    assert raw(aztk_local, "GET", f"{target}/bodies?{API}").status == 404


@pytest.mark.wire("recorded")
def test_numbers_may_come_as_text_and_go_back_as_numbers(aztk_local: LocalStack) -> None:
    body = pool(id="bodies-text", targetDedicatedNodes="0", taskSlotsPerNode="2")
    assert raw(aztk_local, "POST", f"/pools?{API}", body).status == 201
    shown = raw(aztk_local, "GET", f"/pools/bodies-text?{API}").json
    assert (shown["targetDedicatedNodes"], shown["taskSlotsPerNode"]) == (0, 2)
    raw(aztk_local, "DELETE", f"/pools/bodies-text?{API}")


@pytest.mark.wire("documented")
def test_names_of_older_versions_are_taken(aztk_local: LocalStack) -> None:
    body = pool(id="bodies-old", maxTasksPerNode=3, targetNodeCommunicationMode="simplified", certificateReferences=[])
    assert raw(aztk_local, "POST", "/pools?api-version=2018-08-01.7.0", body).status == 201
    assert raw(aztk_local, "GET", f"/pools/bodies-old?{API}").json["taskSlotsPerNode"] == 3
    raw(aztk_local, "DELETE", f"/pools/bodies-old?{API}")
    assert raw(aztk_local, "POST", f"/jobs?{API}", job(id="bodies-old")).status == 201
    task = {**TASK, "resourceFiles": [{"blobSource": "http://127.0.0.1:1/x", "filePath": "x"}]}
    assert raw(aztk_local, "POST", f"/jobs/bodies-old/tasks?{API}", task).status == 201
    shown = raw(aztk_local, "GET", f"/jobs/bodies-old/tasks/t?{API}").json
    assert shown["resourceFiles"] == [{"httpUrl": "http://127.0.0.1:1/x", "filePath": "x"}]
    raw(aztk_local, "DELETE", f"/jobs/bodies-old?{API}")


@pytest.mark.wire("documented")
def test_a_job_can_be_replaced_by_what_was_shown(aztk_local: LocalStack) -> None:
    assert raw(aztk_local, "POST", f"/jobs?{API}", job(id="bodies-put", priority=1)).status == 201
    shown = raw(aztk_local, "GET", f"/jobs/bodies-put?{API}").json
    assert raw(aztk_local, "PUT", f"/jobs/bodies-put?{API}", {**shown, "priority": 2}).status == 200
    assert raw(aztk_local, "GET", f"/jobs/bodies-put?{API}").json["priority"] == 2
    raw(aztk_local, "DELETE", f"/jobs/bodies-put?{API}")


@pytest.mark.wire("guessed")
def test_one_bad_name_refuses_a_whole_collection(aztk_local: LocalStack) -> None:
    assert raw(aztk_local, "POST", f"/jobs?{API}", job(id="bodies-many")).status == 201
    body = {"value": [TASK, {**TASK, "id": "u", "comandLine": "true"}]}
    reply = raw(aztk_local, "POST", f"/jobs/bodies-many/addtaskcollection?{API}", body)
    assert (reply.status, reply.json["code"]) == (400, "InvalidRequestBody")
    assert raw(aztk_local, "GET", f"/jobs/bodies-many/tasks?{API}").json["value"] == []
    raw(aztk_local, "DELETE", f"/jobs/bodies-many?{API}")


@pytest.mark.wire("guessed")
@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_a_body_that_is_nested_too_deeply_is_no_fault_of_the_service(aztk_local: LocalStack, depth: int) -> None:
    body = b'{"id":' + b"[" * depth + b"]" * depth + b"}"
    assert raw(aztk_local, "POST", f"/pools?{API}", body).status == 400


@pytest.mark.wire("documented")
def test_shapes_name_each_other() -> None:
    for text in SCHEMAS.values():
        for part in text.split():
            kind = part.partition(":")[2].strip("[]") or "str"
            plain = kind in ("str", "int", "bool", "duration", "time", "any") or "|" in kind
            assert plain or kind in SCHEMAS, part


@pytest.mark.wire("documented")
def test_everything_that_the_sdk_can_say_is_known() -> None:
    from azure.batch import models as m

    for model, shape in {
        m.BatchPoolCreateOptions: "Pool",
        m.BatchJobCreateOptions: "Job",
        m.BatchTaskCreateOptions: "Task",
        m.BatchPoolUpdateOptions: "PoolUpdate",
        m.NetworkConfiguration: "NetworkConfiguration",
        m.VirtualMachineConfiguration: "VirtualMachineConfiguration",
        m.OutputFile: "OutputFile",
        m.ResourceFile: "ResourceFile",
        m.BatchInboundNatPool: "InboundNatPool",
    }.items():
        model.__new__(model)
        for field in model._attr_to_rest_field.values():
            if field._visibility != ["read"]:
                assert field._rest_name in {part.partition(":")[0] for part in SCHEMAS[shape].split()}


@pytest.mark.wire("documented")
def test_a_checked_body_is_a_copy() -> None:
    body = {"targetDedicatedNodes": "3"}
    assert check_schema(body, "Resize") == {"targetDedicatedNodes": 3}
    assert json.dumps(body) == '{"targetDedicatedNodes": "3"}'
