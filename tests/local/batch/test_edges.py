"""What clients that nobody here wrote do at the edges of HTTP, and what tasks do to their own directories."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from azure.batch import models as m

from airflow_provider_aztk.local.admin import AdminError
from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign
from airflow_provider_aztk.local.batch.common.times import format_http, utcnow
from tests.local.support import API, eventually, finished, pool_options, raw, ready_nodes, sas

if TYPE_CHECKING:
    from pathlib import Path

    from azure.batch import BatchClient
    from azure.storage.blob import BlobServiceClient

    from airflow_provider_aztk.local.testing import LocalStack


def exchange(
    stack: LocalStack, method: str, target: str, *, version: str = "1.1", more: str = "", body: str = ""
) -> str:
    """Send a signed request as bytes, and read everything until the connection is closed."""
    sent = {"ocp-date": format_http(utcnow()), "content-length": str(len(body))}
    signature = sign(stack.batch_key, string_to_sign(stack.batch_account, method, target, sent))
    address = urlsplit(stack.batch_endpoint)
    head = f"{method} {target} HTTP/{version}\r\nHost: {address.netloc}\r\nConnection: close\r\n{more}"
    head += "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    head += f"Authorization: SharedKey {stack.batch_account}:{signature}\r\n\r\n"
    assert address.port is not None
    with socket.create_connection(("127.0.0.1", address.port), timeout=20) as connection:
        connection.sendall((head + body).encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received.decode()


@pytest.mark.wire("documented")
def test_http_1_0_is_served_without_chunks(aztk_local: LocalStack) -> None:
    head, _, body = exchange(aztk_local, "GET", f"/pools?{API}", version="1.0").partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 200")
    assert "chunked" not in head.lower()
    assert "value" in json.loads(body)


@pytest.mark.wire("documented")
def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(aztk_local: LocalStack) -> None:
    answer = exchange(aztk_local, "POST", f"/pools?{API}", more="Expect: 100-continue\r\n", body="{}")
    assert answer.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")


@pytest.mark.wire("documented")
def test_fetch_of_node_is_no_web_page(aztk_local: LocalStack) -> None:
    assert raw(aztk_local, "GET", f"/pools?{API}", headers={"sec-fetch-mode": "cors"}).status == 200


@pytest.mark.wire("guessed")
@pytest.mark.parametrize("target", ["/pools", "/jobs/none/tasks", "/subscriptions/x/providers/Microsoft.Batch"])
def test_a_bearer_token_that_is_none_is_refused(aztk_local: LocalStack, target: str) -> None:
    reply = raw(aztk_local, "GET", f"{target}?{API}", headers={"authorization": "Bearer abc"}, unsigned=True)
    assert (reply.status, reply.json["code"]) == (401, "AuthenticationFailed")
    assert reply.json["values"][0]["key"] == "AuthenticationErrorDetail"
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]


@pytest.mark.wire("guessed")
@pytest.mark.parametrize("target", ["/subscriptions/x/resourceGroups", "/lifetimejobstats", "/pools/p/nodes/n/rdp"])
def test_what_comes_later_or_went_away_is_answered_with_501(aztk_local: LocalStack, target: str) -> None:
    reply = raw(aztk_local, "GET", f"{target}?{API}")
    assert (reply.status, reply.json["code"]) == (501, "NotImplementedByLocalStack")


@pytest.mark.wire("documented")
def test_an_api_version_must_be_named(aztk_local: LocalStack) -> None:
    reply = raw(aztk_local, "GET", "/pools")
    assert (reply.status, reply.json["code"]) == (400, "MissingRequiredQueryParameter")
    assert raw(aztk_local, "GET", "/pools?api-version=banana").json["code"] == "InvalidQueryParameterValue"
    assert raw(aztk_local, "GET", "/pools?api-version=2018-08-01.7.0").status == 200


@pytest.mark.wire("guessed")
@pytest.mark.parametrize("order", [{"count": "x"}, {"retry_after": "soon"}, {"status": 42}, {"after": 1}])
def test_an_order_of_the_wrong_type_is_refused(aztk_local: LocalStack, order: dict[str, object]) -> None:
    with pytest.raises(AdminError):
        aztk_local.admin.http_fault(**order)
    assert raw(aztk_local, "GET", f"/pools?{API}").status == 200


def shell(task_id: str, script: str, **options: object) -> m.BatchTaskCreateOptions:
    return m.BatchTaskCreateOptions(id=task_id, command_line=f"/bin/sh -c '{script}'", **options)


@pytest.mark.wire("guessed")
def test_a_task_that_replaces_its_directory_by_a_link_leads_nowhere(
    aztk_local: LocalStack, batch: BatchClient, job: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    batch.create_task(job, shell("t", f"rm -r $AZ_BATCH_TASK_DIR; ln -s {tmp_path} $AZ_BATCH_TASK_DIR"))
    finished(batch, job, "t")
    for method, path in [("GET", "/secret.txt"), ("HEAD", "/secret.txt"), ("DELETE", "/secret.txt"), ("GET", "")]:
        reply = raw(aztk_local, method, f"/jobs/{job}/tasks/t/files{path}?{API}")
        assert reply.status == 409, method
    assert (tmp_path / "secret.txt").exists()
    batch.delete_task(job, "t")
    assert (tmp_path / "secret.txt").exists()


@pytest.mark.wire("guessed")
def test_deleting_a_link_leaves_what_it_points_to(batch: BatchClient, job: str) -> None:
    batch.create_task(job, shell("t", "echo kept > a; ln -s a b; ln -s /nowhere c"))
    finished(batch, job, "t")
    batch.delete_task_file(job, "t", "wd/b")
    assert {file.name for file in batch.list_task_files(job, "t", recursive=True)} >= {"wd/a"}
    assert b"".join(batch.download_task_file(job, "t", "wd/a")) == b"kept\n"


@pytest.mark.wire("guessed")
def test_write_protected_directories_go_with_their_task(batch: BatchClient, job: str) -> None:
    batch.create_task(job, shell("t", "mkdir d; touch d/f; chmod 555 d; pwd"))
    finished(batch, job, "t")
    directory = b"".join(batch.download_task_file(job, "t", "stdout.txt")).decode().strip()
    batch.delete_task(job, "t")
    assert not os.path.exists(directory)


@pytest.mark.wire("guessed")
def test_output_files_come_only_from_the_node(
    aztk_local: LocalStack, batch: BatchClient, blobs: BlobServiceClient, job: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    container = blobs.create_container("edges-output")
    url = sas(aztk_local, container, "rcw")
    patterns = [
        f"{tmp_path}/secret.txt",
        "../../../../../../../../../../../etc/hostname",
        f"{tmp_path}/**/*",
        "link",
        "../std*.txt",
    ]
    files = [
        m.OutputFile(
            file_pattern=pattern,
            destination=m.OutputFileDestination(
                container=m.OutputFileBlobContainerDestination(container_url=url, path=f"p{index}")
            ),
            upload_options=m.OutputFileUploadConfiguration(
                upload_condition=m.OutputFileUploadCondition.TASK_COMPLETION
            ),
        )
        for index, pattern in enumerate(patterns)
    ]
    batch.create_task(job, shell("t", f"ln -s {tmp_path}/secret.txt link", output_files=files))
    assert finished(batch, job, "t").execution_info.exit_code == 0
    assert {blob.name for blob in container.list_blobs()} == {"p4/stdout.txt", "p4/stderr.txt"}


@pytest.mark.wire("guessed")
def test_a_start_task_whose_file_cannot_be_put_fails_instead_of_hanging(batch: BatchClient, name: str) -> None:
    file = m.ResourceFile(http_url="http://127.0.0.1:99999/x", file_path="x")
    start = m.BatchStartTask(command_line="true", resource_files=[file], wait_for_success=True)
    batch.create_pool(pool_options(name, target_dedicated_nodes=1, start_task=start))
    eventually(lambda: [n for n in batch.list_nodes(name) if n.state == m.BatchNodeState.START_TASK_FAILED])
    batch.begin_delete_pool(name)


@pytest.mark.slow
@pytest.mark.wire("guessed")
def test_more_nodes_than_the_quota_end_in_a_resize_error(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, target_low_priority_nodes=1_000_000_000))
    error = eventually(lambda: batch.get_pool(name).resize_errors, 120)
    assert error[0].code == "AccountCoreQuotaReached"
    batch.begin_delete_pool(name)


@pytest.mark.wire("documented")
def test_a_refused_update_changes_nothing(aztk_local: LocalStack, batch: BatchClient, pool: str) -> None:
    batch.create_job(m.BatchJobCreateOptions(id=pool, pool_info=m.BatchPoolInfo(pool_id=pool)))
    batch.begin_disable_job(pool, m.BatchJobDisableOptions(disable_tasks="requeue"))
    eventually(lambda: batch.get_job(pool).state == m.BatchJobState.DISABLED)
    reply = raw(aztk_local, "PATCH", f"/jobs/{pool}?{API}", {"poolInfo": {"poolId": "other"}, "priority": 5000})
    assert reply.status == 400
    assert batch.get_job(pool).pool_info.pool_id == pool
    batch.begin_delete_job(pool)
    assert ready_nodes(batch, pool, 1)


def test_a_client_that_goes_away_is_no_error_of_the_server(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    command = [sys.executable, "-m", "airflow_provider_aztk.local", "--verbose", "up", "--no-blob"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr)
    assert process.stdout is not None
    try:
        stack = json.loads(process.stdout.readline())
        port = int(stack["batch_endpoint"].rpartition(":")[2])
        sent = {"ocp-date": format_http(utcnow()), "content-length": "1000", "content-type": "application/json"}
        target = "/jobs?api-version=2025-06-01"
        signature = sign(stack["batch_key"], string_to_sign(stack["batch_account"], "POST", target, sent))
        head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        head += f"Authorization: SharedKey {stack['batch_account']}:{signature}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall((head + '{"id": ').encode())
            time.sleep(0.5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        end = time.monotonic() + 20
        while b"went away" not in log.read_bytes():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert "Traceback" not in log.read_text()
