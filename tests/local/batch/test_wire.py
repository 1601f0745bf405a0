"""The bytes of answers, as recordings of the service have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.local.support import API, finished, pool_options, raw, ready_nodes, sleeper

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.wire("recorded")

ETAG = re.compile(r"0x[0-9A-F]{15}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z\Z")


def test_every_answer_has_the_common_headers(aztk_local: LocalStack) -> None:
    reply = raw(aztk_local, "GET", f"/pools?{API}")
    assert reply.headers["Server"] == "Microsoft-HTTPAPI/2.0"
    assert reply.headers["DataServiceVersion"] == "3.0"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in reply.headers["Strict-Transport-Security"]
    assert re.fullmatch(r"[0-9a-f-]{36}", reply.headers["request-id"])
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.headers["Content-Type"] == "application/json; odata=minimalmetadata"
    assert "client-request-id" not in reply.headers


def test_client_request_id_comes_back_only_on_request(aztk_local: LocalStack) -> None:
    wanted = {"client-request-id": "abc", "return-client-request-id": "true"}
    assert raw(aztk_local, "GET", f"/pools?{API}", headers=wanted).headers["client-request-id"] == "abc"
    unwanted = {"client-request-id": "abc", "return-client-request-id": "false"}
    assert "client-request-id" not in raw(aztk_local, "GET", f"/pools?{API}", headers=unwanted).headers


def test_an_error_has_the_envelope_and_its_message_as_reason(aztk_local: LocalStack) -> None:
    reply = raw(aztk_local, "GET", f"/pools/none?{API}")
    assert (reply.status, reply.reason) == (404, "The specified pool does not exist.")
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    body = reply.json
    assert next(iter(body)) == "odata.metadata"
    assert body["odata.metadata"].endswith(
        "/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"
    )
    assert body["code"] == "PoolNotFound"
    assert body["message"]["lang"] == "en-US"
    text, request_id, when = body["message"]["value"].split("\n")
    assert text == "The specified pool does not exist."
    assert request_id == f"RequestId:{reply.headers['request-id']}"
    assert when.startswith("Time:")
    assert "values" not in body


def test_a_head_error_has_no_body(aztk_local: LocalStack) -> None:
    reply = raw(aztk_local, "HEAD", f"/pools/none?{API}")
    assert (reply.status, reply.body) == (404, b"")


def test_maxresults_out_of_range_names_parameter_value_and_reason(aztk_local: LocalStack) -> None:
    reply = raw(aztk_local, "GET", f"/pools?{API}&maxresults=-5")
    assert (reply.status, reply.json["code"]) == (400, "InvalidQueryParameterValue")
    assert reply.json["values"] == [
        {"key": "QueryParameterName", "value": "maxresults"},
        {"key": "QueryParameterValue", "value": "-5"},
        {"key": "Reason", "value": "MaxResults cannot be less than 1"},
    ]


def test_creating_and_reading_a_pool(aztk_local: LocalStack, batch: BatchClient, name: str) -> None:
    body = {
        "id": name,
        "vmSize": "STANDARD_D1_v2",
        "targetDedicatedNodes": "1",
        "virtualMachineConfiguration": {
            "imageReference": {"publisher": "Canonical", "offer": "UbuntuServer", "sku": "18.04-LTS"},
            "nodeAgentSKUId": "batch.node.ubuntu 18.04",
            "dataDisks": [{"lun": 1, "diskSizeGB": 50}],
            "containerConfiguration": {
                "type": "dockerCompatible",
                "containerRegistries": [{"username": "me", "password": "secret"}],
            },
        },
        "userAccounts": [{"name": "me", "password": "secret"}],
        "displayName": None,
    }
    made = raw(aztk_local, "POST", f"/pools?{API}", body)
    url = f"{aztk_local.batch_endpoint}/pools/{name}"
    assert (made.status, made.body) == (201, b"")
    assert made.headers["Location"] == made.headers["DataServiceId"] == url
    assert ETAG.match(made.headers["ETag"])
    assert made.headers["Last-Modified"].endswith("GMT")

    found = raw(aztk_local, "GET", f"/pools/{name}?{API}")
    pool = found.json
    assert found.headers["ETag"] == pool["eTag"] == made.headers["ETag"]
    assert next(iter(pool)) == "odata.metadata"
    assert pool["odata.metadata"] == f"{aztk_local.batch_endpoint}/$metadata#pools/@Element"
    assert pool["url"] == url
    assert TIME.match(pool["creationTime"])
    assert pool["vmSize"] == "standard_d1_v2"
    assert pool["resizeTimeout"] == "PT15M"
    assert pool["taskSlotsPerNode"] == 1
    assert pool["taskSchedulingPolicy"] == {"nodeFillType": "Spread"}
    assert (pool["targetDedicatedNodes"], pool["targetLowPriorityNodes"]) == (1, 0)
    assert (pool["enableAutoScale"], pool["enableInterNodeCommunication"]) == (False, False)
    machine = pool["virtualMachineConfiguration"]
    assert machine["imageReference"]["version"] == "latest"
    assert machine["dataDisks"] == [
        {"lun": 1, "diskSizeGB": 50, "caching": "none", "storageAccountType": "standard_lrs"}
    ]
    assert pool["userAccounts"] == [{"name": "me", "elevationLevel": "nonadmin"}]
    assert b"secret" not in found.body
    assert b"null" not in found.body
    batch.begin_delete_pool(name)


def test_a_new_pool_is_resizing_and_then_steady(aztk_local: LocalStack, batch: BatchClient, name: str) -> None:
    aztk_local.admin.delays(allocation=1.5)
    batch.create_pool(pool_options(name, target_dedicated_nodes=1))
    assert raw(aztk_local, "GET", f"/pools/{name}?{API}").json["allocationState"] == "resizing"
    ready_nodes(batch, name, 1)
    steady = raw(aztk_local, "GET", f"/pools/{name}?{API}").json
    assert steady["allocationState"] == "steady"
    assert "currentNodeCommunicationMode" in steady
    assert steady["eTag"] == raw(aztk_local, "GET", f"/pools/{name}?{API}&$select=eTag").json["eTag"]
    batch.begin_delete_pool(name)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "headers"),
    [
        ("PATCH", "", {"metadata": []}, 200, {"ETag", "Last-Modified", "DataServiceId"}),
        ("POST", "/updateproperties", {"metadata": []}, 204, {"ETag", "Last-Modified", "DataServiceId"}),
        ("POST", "/resize", {"targetDedicatedNodes": 1}, 202, {"ETag", "Last-Modified", "DataServiceId"}),
        ("HEAD", "", None, 200, {"ETag", "Last-Modified"}),
        ("GET", "", None, 200, {"ETag", "Last-Modified"}),
        ("GET", "/nodes", None, 200, set()),
    ],
)
def test_status_and_headers_of_pool_calls(
    aztk_local: LocalStack,
    batch: BatchClient,
    pool: str,
    method: str,
    path: str,
    body: object,
    status: int,
    headers: set[str],
) -> None:
    ready_nodes(batch, pool, 1)
    reply = raw(aztk_local, method, f"/pools/{pool}{path}?{API}", body)
    assert reply.status == status
    assert {"ETag", "Last-Modified", "DataServiceId"} & set(reply.headers) == headers


def test_a_job_is_located_under_another_name(aztk_local: LocalStack, batch: BatchClient, pool: str, name: str) -> None:
    reply = raw(aztk_local, "POST", f"/jobs?{API}", {"id": f"{name}-j", "poolInfo": {"poolId": pool}})
    assert reply.headers["Location"] == f"{aztk_local.batch_endpoint}/jobs/job-1"
    job = raw(aztk_local, "GET", f"/jobs/{name}-j?{API}").json
    assert job["constraints"] == {"maxWallClockTime": "P10675199DT2H48M5.4775807S", "maxTaskRetryCount": 0}
    assert (job["priority"], job["maxParallelTasks"], job["usesTaskDependencies"]) == (0, -1, False)
    assert (job["onAllTasksComplete"], job["onTaskFailure"]) == ("noaction", "noaction")
    assert set(job["executionInfo"]) == {"startTime", "poolId"}
    deleted = raw(aztk_local, "DELETE", f"/jobs/{name}-j?{API}")
    assert deleted.status == 202
    assert not {"ETag", "Last-Modified", "DataServiceId"} & set(deleted.headers)


def test_a_task_has_the_defaults(aztk_local: LocalStack, job: str) -> None:
    body = {
        "id": "t",
        "commandLine": "sleep 0.1",
        "outputFiles": [
            {
                "filePattern": "nothing*",
                "destination": {"container": {"containerUrl": "http://127.0.0.1:9/x"}},
                "uploadOptions": {"uploadCondition": "taskcompletion"},
            }
        ],
    }
    made = raw(aztk_local, "POST", f"/jobs/{job}/tasks?{API}", body)
    assert made.headers["Location"] == f"{aztk_local.batch_endpoint}/jobs/{job}/tasks/t"
    task = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t?{API}").json
    assert task["userIdentity"] == {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}
    assert task["constraints"] == {
        "maxWallClockTime": "P10675199DT2H48M5.4775807S",
        "retentionTime": "P7D",
        "maxTaskRetryCount": 0,
    }
    assert task["requiredSlots"] == 1
    assert task["outputFiles"][0]["uploadOptions"]["uploadCondition"] == "TaskCompletion"


def test_a_finished_task_keeps_its_etag(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t"))
    etag = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t?{API}").json["eTag"]
    finished(batch, job, "t")
    task = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t?{API}").json
    assert task["eTag"] == etag
    assert (task["state"], task["previousState"]) == ("completed", "running")
    info = task["executionInfo"]
    assert (info["exitCode"], info["result"], info["retryCount"], info["requeueCount"]) == (0, "success", 0, 0)
    node = task["nodeInfo"]
    assert node["affinityId"] == f"TVM:{node['nodeId']}"
    assert node["taskRootDirectory"] == f"workitems/{job}/job-1/t"
    assert re.fullmatch(r"tvmps_[0-9a-f]{64}_d", node["nodeId"])


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("POST", "/terminate", 204, {"ETag", "Last-Modified", "DataServiceId"}),
        ("DELETE", "", 200, set()),
    ],
)
def test_status_and_headers_of_task_calls(
    aztk_local: LocalStack, batch: BatchClient, job: str, method: str, path: str, status: int, headers: set[str]
) -> None:
    batch.create_task(job, sleeper("t", 60))
    reply = raw(aztk_local, method, f"/jobs/{job}/tasks/t{path}?{API}")
    assert (reply.status, reply.body) == (status, b"")
    assert {"ETag", "Last-Modified", "DataServiceId"} & set(reply.headers) == headers


def test_reactivate_has_no_data_service_id(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t", 0, 1))
    finished(batch, job, "t")
    reply = raw(aztk_local, "POST", f"/jobs/{job}/tasks/t/reactivate?{API}")
    assert reply.status == 204
    assert {"ETag", "Last-Modified", "DataServiceId"} & set(reply.headers) == {"ETag", "Last-Modified"}


def test_task_collection_results_are_capitalised(aztk_local: LocalStack, job: str) -> None:
    one = {"id": "a", "commandLine": "true"}
    reply = raw(aztk_local, "POST", f"/jobs/{job}/addtaskcollection?{API}", {"value": [one, one]})
    assert reply.status == 200
    assert reply.json["odata.metadata"].endswith("#taskaddresult")
    first, second = reply.json["value"]
    assert (first["status"], first["taskId"]) == ("Success", "a")
    assert set(first) == {"status", "taskId", "eTag", "lastModified", "location"}
    assert (second["status"], second["error"]["code"]) == ("ClientError", "TaskExists")


def test_a_large_body_is_refused_and_half_of_it_is_taken(aztk_local: LocalStack, job: str) -> None:
    filler = "x" * 11_000
    bodies = [{"id": f"t{n}", "commandLine": f"true {filler}", "dependsOn": None} for n in range(100)]
    reply = raw(aztk_local, "POST", f"/jobs/{job}/addtaskcollection?{API}", {"value": bodies})
    assert (reply.status, reply.json["code"]) == (413, "RequestBodyTooLarge")
    reply = raw(aztk_local, "POST", f"/jobs/{job}/addtaskcollection?{API}", {"value": bodies[:50]})
    assert reply.status == 200


def test_task_counts_have_tasks_and_slots(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("t", required_slots=3))
    finished(batch, job, "t")
    counts = raw(aztk_local, "GET", f"/jobs/{job}/taskcounts?{API}").json
    zero = {"active": 0, "running": 0, "failed": 0}
    assert counts["taskCounts"] == {**zero, "completed": 1, "succeeded": 1}
    assert counts["taskSlotCounts"] == {**zero, "completed": 3, "succeeded": 3}


def test_lists_link_to_their_next_page(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    batch.create_tasks(job, [sleeper(f"t{n}") for n in range(3)])
    reply = raw(aztk_local, "GET", f"/jobs/{job}/tasks?{API}&maxresults=2&timeout=30")
    assert [task["id"] for task in reply.json["value"]] == ["t0", "t1"]
    link = reply.json["odata.nextLink"].removeprefix(aztk_local.batch_endpoint)
    assert link.startswith(f"/jobs/{job}/tasks?{API}&maxresults=2&timeout=30&$skiptoken=WATV2")
    last = raw(aztk_local, "GET", link).json
    assert [task["id"] for task in last["value"]] == ["t2"]
    assert "odata.nextLink" not in last


def test_a_command_that_does_not_exist(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    raw(aztk_local, "POST", f"/jobs/{job}/tasks?{API}", {"id": "t", "commandLine": "no-such-program"})
    finished(batch, job, "t")
    info = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t?{API}").json["executionInfo"]
    assert "exitCode" not in info
    assert info["failureInfo"]["category"] == "UserError"
    assert info["failureInfo"]["code"] == "CommandProgramNotFound"
    assert info["failureInfo"]["message"] == "The specified command program is not found"
    assert info["result"] == "failure"
    for file in ("stdout.txt", "stderr.txt"):
        assert raw(aztk_local, "GET", f"/jobs/{job}/tasks/t/files/{file}?{API}").body == b""


def test_file_headers_and_ranges(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    raw(aztk_local, "POST", f"/jobs/{job}/tasks?{API}", {"id": "t", "commandLine": "printf 0123456789"})
    finished(batch, job, "t")
    path = f"/jobs/{job}/tasks/t/files/stdout.txt?{API}"
    head = raw(aztk_local, "HEAD", path)
    assert (head.status, head.headers["Content-Length"]) == (200, "10")
    assert head.headers["Content-Type"] == "text/plain"
    assert head.headers["ocp-batch-file-isdirectory"] == "False"
    assert head.headers["ocp-batch-file-mode"] == "0o100644"
    assert head.headers["ocp-batch-file-url"].startswith("http%3A%2F%2F127.0.0.1%3A")
    assert head.headers["ocp-creation-time"].endswith("GMT")
    for given, expected in {"0-3": b"0123", "4-": b"456789", "8-100": b"89", "-3": b"789"}.items():
        reply = raw(aztk_local, "GET", path, headers={"ocp-range": f"bytes={given}"})
        assert (reply.status, reply.body) == (200, expected), given
    beyond = raw(aztk_local, "GET", path, headers={"ocp-range": "bytes=10-20"})
    assert (beyond.status, beyond.json["code"]) == (416, "InvalidRange")


def test_file_lists_have_lengths_as_text(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    command = "/bin/sh -c 'mkdir -p a/b; echo 1 > a/b/c.txt'"
    raw(aztk_local, "POST", f"/jobs/{job}/tasks?{API}", {"id": "t", "commandLine": command})
    finished(batch, job, "t")
    flat = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t/files?{API}").json["value"]
    assert [entry["name"] for entry in flat] == ["stderr.txt", "stdout.txt", "wd"]
    assert flat[0]["properties"]["contentLength"] == "0"
    assert "properties" not in flat[2]
    deep = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t/files?{API}&recursive=true").json["value"]
    assert [entry["name"] for entry in deep][3:] == ["wd/a", "wd/a/b", "wd/a/b/c.txt"]
    nested = raw(aztk_local, "GET", f"/jobs/{job}/tasks/t/files/wd%2Fa%2Fb%2Fc.txt?{API}")
    assert nested.body == b"1\n"


def test_a_node_as_it_is_shown(aztk_local: LocalStack, batch: BatchClient, pool: str) -> None:
    (node,) = ready_nodes(batch, pool, 1)
    body = raw(aztk_local, "GET", f"/pools/{pool}/nodes/{node.id}?{API}").json
    assert body["odata.metadata"].endswith("#nodes/@Element")
    assert (body["state"], body["schedulingState"], body["isDedicated"]) == ("idle", "enabled", True)
    assert (body["totalTasksRun"], body["runningTasksCount"], body["runningTaskSlotsCount"]) == (0, 0, 0)
    assert body["virtualMachineInfo"]["imageReference"]["exactVersion"]
    assert body["certificateReferences"] == []
    login = raw(aztk_local, "GET", f"/pools/{pool}/nodes/{node.id}/remoteloginsettings?{API}").json
    assert login["odata.metadata"].endswith("#Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings")
    assert set(login) == {"odata.metadata", "remoteLoginIPAddress", "remoteLoginPort"}
