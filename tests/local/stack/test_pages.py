"""The web pages for people: what they show, what they keep to themselves, whom they let in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from azure.batch import models as m
from azure.batch.models import _models

from airflow_provider_aztk.local.stack.pages.logs import log_blob
from airflow_provider_aztk.local.stack.pages.words import ending
from airflow_provider_aztk.local.stack.pages.words import owner as owner_in_words
from airflow_provider_aztk.node import contract
from tests.local.support import Reply, eventually, finished, raw, sleeper

if TYPE_CHECKING:
    from azure.batch import BatchClient
    from azure.storage.blob import BlobServiceClient

    from airflow_provider_aztk.local.testing import LocalStack


def page(stack: LocalStack, path: str, method: str = "GET", **headers: str) -> Reply:
    """Ask for a page as a browser does that follows a link."""
    browser = {"sec-fetch-mode": "navigate", "sec-fetch-site": "same-site", "sec-fetch-dest": "document"}
    return raw(stack, method, f"/ui{path}", headers={**browser, **headers}, unsigned=True)


def test_the_account_leads_to_jobs_and_pools(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    text = page(aztk_local, "").body.decode()
    assert aztk_local.web_page == f"{aztk_local.batch_endpoint}/ui"
    assert f'href="{aztk_local.web_page}/jobs/{job}"' in text
    assert f'href="{aztk_local.web_page}/pools/{job}"' in text


def test_a_job_with_its_tasks(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    batch.create_task(job, sleeper("good"))
    batch.create_task(job, sleeper("bad", exit_code=7))
    finished(batch, job, "good")
    finished(batch, job, "bad")

    reply = page(aztk_local, f"/jobs/{job}")

    text = reply.body.decode()
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "<td>good</td>" in text
    assert "<td>7</td>" in text
    assert "FailureExitCode" in text


def test_a_pool_with_its_nodes_and_errors(aztk_local: LocalStack, batch: BatchClient, pool: str) -> None:
    eventually(lambda: "<td>idle</td>" in page(aztk_local, f"/pools/{pool}").body.decode())
    aztk_local.admin.resize_error(pool=pool, code="AccountCoreQuotaReached", message="The account has no cores left")
    batch.begin_resize_pool(pool, m.BatchPoolResizeOptions(target_dedicated_nodes=3))

    eventually(lambda: "AccountCoreQuotaReached" in page(aztk_local, f"/pools/{pool}").body.decode())
    text = page(aztk_local, f"/pools/{pool}").body.decode()
    assert "1 of 3" in text
    assert next(iter(batch.list_nodes(pool))).id in text


def test_what_a_task_prints(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    command = """/bin/sh -c 'echo "<b>out</b>"; echo err >&2'"""
    batch.create_task(job, m.BatchTaskCreateOptions(id="shell", command_line=command))
    finished(batch, job, "shell")

    out = page(aztk_local, f"/jobs/{job}/tasks/shell/stdout.txt")
    err = page(aztk_local, f"/jobs/{job}/tasks/shell/stderr.txt")

    assert (out.body, err.body) == (b"<b>out</b>\n", b"err\n")
    assert out.headers["content-type"] == "text/plain; charset=utf-8", "never markup"
    assert out.headers["x-content-type-options"] == "nosniff"
    for other in ("wd", "fileuploadout.txt", "..%2Fstdout.txt", "stdout.txt%00"):
        assert page(aztk_local, f"/jobs/{job}/tasks/shell/{other}").status == 404


def test_a_drivers_log_in_all_its_pieces(aztk_local: LocalStack, blobs: BlobServiceClient, name: str) -> None:
    name = name.replace("_", "-")  # containers have names of their own kind
    container = blobs.create_container(name)
    container.upload_blob("apps/pi/log/000000", b"first\n" * 1000)
    container.upload_blob("apps/pi/log/000001", "zweitens: ä\n".encode())
    container.upload_blob("spark-secret", b"not for anybody")

    reply = page(aztk_local, f"/logs/{name}/pi")

    assert reply.body == b"first\n" * 1000 + "zweitens: ä\n".encode()
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    missing = page(aztk_local, f"/logs/{name}/other")
    assert missing.status == 404
    assert "no such log" in missing.body.decode()
    for path in (
        f"/logs/{name}/..%2F..%2Fspark-secret%3F",
        f"/logs/{name}%2F/spark-secret",
        f"/logs/{name}/spark-secret",
    ):
        assert page(aztk_local, path).status == 404


def test_the_log_is_looked_for_where_the_node_code_writes_it() -> None:
    assert log_blob("pi", 12) == contract.ApplicationBlobs("pi").log_segment(12)


def test_no_command_no_setting_no_signature_is_shown(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    task = m.BatchTaskCreateOptions(
        id="secretive",
        command_line="/bin/sh -c 'true hidden-command'",
        environment_settings=[m.EnvironmentSetting(name="TOKEN", value="hidden-setting")],
        resource_files=[m.ResourceFile(http_url="http://127.0.0.1:9/x?sig=hidden-signature", file_path="x")],
    )
    batch.create_task(job, task)
    finished(batch, job, "secretive")

    text = page(aztk_local, f"/jobs/{job}").body.decode() + page(aztk_local, f"/pools/{job}").body.decode()

    assert "secretive" in text
    assert "hidden" not in text


def test_markup_in_names_and_values_is_shown_as_text(aztk_local: LocalStack, batch: BatchClient, pool: str) -> None:
    evil = "<script>alert(1)</script>"
    options = m.BatchJobCreateOptions(
        id=f"{pool}-evil", pool_info=m.BatchPoolInfo(pool_id=pool), metadata=[m.BatchMetadataItem(name="x", value=evil)]
    )
    batch.create_job(options)
    assert evil not in page(aztk_local, f"/jobs/{pool}-evil").body.decode()
    assert evil not in page(aztk_local, "/jobs/%3Cscript%3Ealert(1)%3C%2Fscript%3E").body.decode()


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ({"host": "evil.example:80"}, "GET", 403),
        ({"origin": "http://evil.example"}, "GET", 403),
        ({"sec-fetch-mode": "no-cors"}, "GET", 403),
        ({"sec-fetch-mode": "cors"}, "GET", 403),
        ({}, "POST", 405),
        ({}, "DELETE", 405),
        ({"sec-fetch-site": "cross-site"}, "GET", 200),
    ],
)
def test_only_who_follows_a_link_is_let_in(
    aztk_local: LocalStack, headers: dict[str, Any], method: str, status: int
) -> None:
    reply = page(aztk_local, "", method, **headers)
    assert reply.status == status
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/jobs/nothing", "/pools/nothing", "/jobs", "/else", "/jobs/a/tasks/b"])
def test_what_is_not_there_is_said_in_a_page(aztk_local: LocalStack, path: str) -> None:
    reply = page(aztk_local, path)
    assert reply.status == 404
    assert reply.headers["content-type"].startswith("text/html")


def test_a_path_that_only_begins_like_a_page_is_batchs(aztk_local: LocalStack) -> None:
    reply = raw(aztk_local, "GET", "/uiz", unsigned=True)
    assert (reply.status, reply.json["code"]) == (403, "AuthenticationFailed")


def test_without_a_blob_service_there_are_no_logs() -> None:
    from airflow_provider_aztk.local.testing import run_stack

    with run_stack("--no-blob") as stack:
        assert page(stack, "").status == 200
        assert page(stack, "/logs/some/pi").status == 404


@pytest.mark.parametrize("target", ["/", "/?a=b"])
def test_the_root_leads_a_browser_to_the_page(aztk_local: LocalStack, target: str) -> None:
    html = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    for more in ({}, {"sec-fetch-mode": "navigate", "sec-fetch-site": "none"}):
        reply = raw(aztk_local, "GET", target, headers={**html, **more}, unsigned=True)
        assert (reply.status, reply.headers["location"], reply.body) == (302, "/ui", b"")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),  # a client of Batch
        ("GET", {"accept": "application/json"}),
        ("POST", {"accept": "text/html"}),
        ("GET", {"accept": "text/html", "origin": "http://evil.example", "sec-fetch-mode": "cors"}),
        ("GET", {"accept": "text/html", "sec-fetch-mode": "no-cors", "sec-fetch-site": "cross-site"}),
        ("GET", {"accept": "text/html", "host": "evil.example"}),
    ],
)
def test_the_root_leads_nobody_else(aztk_local: LocalStack, method: str, headers: dict[str, str]) -> None:
    reply = raw(aztk_local, method, "/", headers=headers, unsigned=True)
    assert reply.status == 403
    assert reply.headers.get("location") is None


OWNER = {"airflow_dag": "nightly", "airflow_run": "manual__1", "airflow_task": "create", "airflow_map_index": "2"}


def test_who_made_it_and_why_it_ended(aztk_local: LocalStack, batch: BatchClient, pool: str) -> None:
    metadata = [m.BatchMetadataItem(name=name, value=value) for name, value in OWNER.items()]
    batch.create_job(m.BatchJobCreateOptions(id=pool, pool_info=m.BatchPoolInfo(pool_id=pool), metadata=metadata))
    owner = "DAG nightly, run manual__1, task create, map index 2"
    for path in ("", f"/jobs/{pool}", f"/pools/{pool}"):
        assert owner in page(aztk_local, path).body.decode(), path
    batch.begin_terminate_job(pool, _models.BatchJobTerminateOptions(termination_reason="UserTerminate"))
    eventually(lambda: batch.get_job(pool).state == "completed")
    for path in ("", f"/jobs/{pool}"):
        assert "somebody terminated it (UserTerminate)" in page(aztk_local, path).body.decode(), path
    batch.begin_delete_job(pool)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({}, ""),
        (
            {"terminateReason": "JMComplete"},
            "its job manager task has ended (of a cluster: Spark's master) (JMComplete)",
        ),
        ({"terminateReason": "Stopped on request"}, "Stopped on request"),
        ({"schedulingError": {"code": "X", "message": "no cores"}}, "its pool could not be made: no cores"),
    ],
)
def test_why_a_job_ended_in_words(info: dict[str, Any], words: str) -> None:
    assert ending({"executionInfo": info}) == words


def test_who_made_it_in_words() -> None:
    assert owner_in_words({}) == ""
    assert owner_in_words({"metadata": [{"name": "airflow_shared", "value": "true"}]}) == "shared by runs of Airflow"


def test_ids_stand_on_one_line(aztk_local: LocalStack, batch: BatchClient, job: str) -> None:
    eventually(lambda: "<td>idle</td>" in page(aztk_local, f"/pools/{job}").body.decode())
    text = page(aztk_local, f"/pools/{job}").body.decode()
    assert re.search(r"td\.id \{[^}]*white-space: nowrap", text)
    assert f'<td class="id">{next(iter(batch.list_nodes(job))).id}</td>' in text
