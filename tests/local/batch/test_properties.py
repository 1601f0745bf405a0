"""Random ids and paths: none may break the emulator, and none may leave a node's directory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from airflow_provider_aztk.local.batch.execution.layout import PathOutsideError, resolve_inside
from tests.local.support import API, finished, raw

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.usefixtures("emptied")

SECRET = "outside-" + "x" * 20
PARTS = st.sampled_from(
    ["..", ".", "", "wd", "stdout.txt", "a", "etc", "passwd", "up", "out", "loop", "\\..\\..", "%2e"]
)
PATHS = st.one_of(st.lists(PARTS, max_size=12).map("/".join), st.text(max_size=40))
LENIENT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with links that lead out of it, and a secret beside it."""
    base = tmp_path_factory.mktemp("tree")
    (base / "secret.txt").write_text(SECRET)
    (base / "root-beside").mkdir()
    (base / "root-beside" / "a").write_text(SECRET)
    root = base / "root"
    (root / "wd").mkdir(parents=True)
    (root / "stdout.txt").write_text("inside")
    (root / "a").write_text("inside")
    (root / "wd" / "up").symlink_to("../..")
    (root / "out").symlink_to(base / "secret.txt")
    (root / "loop").symlink_to("loop")
    return root


@given(path=PATHS)
@example(path="../root-beside/a")
@example(path="wd/up/secret.txt")
@example(path="out")
@example(path="/etc/passwd")
@example(path="a\0b")
@LENIENT
def test_no_path_leads_outside(tree: Path, path: str) -> None:
    try:
        found = resolve_inside(tree, path)
    except PathOutsideError:
        return
    real = Path(os.path.realpath(found))
    assert real == tree.resolve() or tree.resolve() in real.parents
    if found.is_file():
        assert found.read_text() == "inside"


@pytest.fixture(scope="module")
def module_task(aztk_local_stack: LocalStack) -> str:
    """A finished task with links that lead out of its directory."""
    from azure.batch import models as m

    from tests.local.support import make_client, pool_options

    with make_client(aztk_local_stack) as batch:
        batch.create_pool(pool_options("paths", target_dedicated_nodes=1))
        batch.create_job(m.BatchJobCreateOptions(id="paths", pool_info=m.BatchPoolInfo(pool_id="paths")))
        line = "/bin/sh -c 'ln -s /etc/passwd out; ln -s ../../../../.. up; mkfifo pipe; echo inside'"
        batch.create_task("paths", m.BatchTaskCreateOptions(id="t", command_line=line))
        assert finished(batch, "paths", "t").execution_info.exit_code == 0
    (Path(aztk_local_stack.data_dir) / "secret.txt").write_text(SECRET)
    return "paths"


@given(path=PATHS, encode=st.booleans(), method=st.sampled_from(["GET", "HEAD"]))
@example(path="wd/out", encode=True, method="GET")
@example(path="wd/up/secret.txt", encode=False, method="GET")
@example(path="../../../../../../secret.txt", encode=True, method="GET")
@example(path="../../../../../../secret.txt", encode=False, method="GET")
@example(path="wd/pipe", encode=True, method="GET")
@LENIENT
def test_no_request_reads_outside(
    aztk_local_stack: LocalStack, module_task: str, path: str, encode: bool, method: str
) -> None:
    target = quote(path, safe="" if encode else "/", errors="replace")
    assume(target)
    reply = raw(aztk_local_stack, method, f"/jobs/{module_task}/tasks/t/files/{target}?{API}")
    assert reply.status in (200, 404, 405, 409), (reply.status, reply.body)
    assert SECRET.encode() not in reply.body
    assert b"root:" not in reply.body


def test_links_that_lead_outside_are_not_listed(aztk_local_stack: LocalStack, module_task: str) -> None:
    reply = raw(aztk_local_stack, "GET", f"/jobs/{module_task}/tasks/t/files?{API}&recursive=true")
    assert [entry["name"] for entry in reply.json["value"]] == ["stderr.txt", "stdout.txt", "wd"]


@given(path=st.lists(PARTS, min_size=1, max_size=8).map("/".join))
@LENIENT
def test_no_request_deletes_outside(aztk_local_stack: LocalStack, module_task: str, path: str) -> None:
    assume("stdout" not in path)
    secret = Path(aztk_local_stack.data_dir) / "secret.txt"
    assert secret.exists()
    target = quote("../../" + path, safe="")
    assert raw(aztk_local_stack, "DELETE", f"/jobs/{module_task}/tasks/t/files/{target}?{API}").status == 404
    assert secret.exists()


@given(job_id=st.text(max_size=70))
@example(job_id="a" * 64)
@example(job_id="a" * 65)
@example(job_id="..")
@example(job_id="a\n")
@example(job_id="é")
@LENIENT
def test_ids_are_taken_or_refused_but_never_break_anything(aztk_local_stack: LocalStack, job_id: str) -> None:
    body = {"id": job_id, "poolInfo": {"poolId": "nowhere"}}
    reply = raw(aztk_local_stack, "POST", f"/jobs?{API}", body)
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", job_id):
        assert reply.status == 201
        assert raw(aztk_local_stack, "GET", f"/jobs/{job_id}?{API}").json["id"] == job_id
        assert raw(aztk_local_stack, "DELETE", f"/jobs/{job_id}?{API}").status == 202
    else:
        assert (reply.status, reply.json["code"]) == (400, "InvalidPropertyValue")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "id",
        "commandLine",
        "constraints",
        "dependsOn",
        "exitConditions",
        "environmentSettings",
        "resourceFiles",
        "outputFiles",
        "requiredSlots",
        "containerSettings",
        "affinityInfo",
        "userIdentity",
        "displayName",
        "multiInstanceSettings",
    ]
)


@pytest.mark.slow
@given(body=st.dictionaries(NAMES, JSON, max_size=5))
@example(body={"id": "x", "commandLine": "true", "constraints": {"maxWallClockTime": 5}})
@example(body={"id": "x", "commandLine": "true", "exitConditions": {"exitCodes": [{"code": "a", "exitOptions": 1}]}})
@settings(LENIENT, max_examples=300)
def test_no_body_of_a_task_is_an_internal_error(aztk_local_stack: LocalStack, body: dict[str, object]) -> None:
    raw(aztk_local_stack, "POST", f"/jobs?{API}", {"id": "bodies", "poolInfo": {"poolId": "nowhere"}})
    reply = raw(aztk_local_stack, "POST", f"/jobs/bodies/tasks?{API}", body)
    assert reply.status in (201, 400, 409, 501), reply.body


@pytest.mark.slow
@given(
    body=st.dictionaries(
        st.sampled_from(
            [
                "vmSize",
                "virtualMachineConfiguration",
                "targetDedicatedNodes",
                "taskSlotsPerNode",
                "taskSchedulingPolicy",
                "startTask",
                "networkConfiguration",
                "metadata",
                "userAccounts",
                "resizeTimeout",
                "applicationPackageReferences",
            ]
        ),
        JSON,
        max_size=5,
    ),
    whole=st.booleans(),
)
@settings(LENIENT, max_examples=200)
def test_no_body_of_a_pool_is_an_internal_error(
    aztk_local_stack: LocalStack, body: dict[str, object], whole: bool
) -> None:
    machine = {"imageReference": {"publisher": "a", "offer": "b", "sku": "c"}, "nodeAgentSKUId": "d"}
    base = {"id": "bodies", "vmSize": "a1", "virtualMachineConfiguration": machine} if whole else {"id": "bodies"}
    base_targets = {"targetDedicatedNodes": 0}
    reply = raw(aztk_local_stack, "POST", f"/pools?{API}", {**body, **base, **base_targets})
    assert reply.status in (201, 400, 409, 501), reply.body
    raw(aztk_local_stack, "DELETE", f"/pools/bodies?{API}")


@given(text=st.text(max_size=60) | st.sampled_from(["state eq", "(((", "id eq 'a' and", "startswith(id)", "not"]))
@LENIENT
def test_no_filter_is_an_internal_error(aztk_local_stack: LocalStack, text: str) -> None:
    target = quote(text, safe="", errors="replace")
    reply = raw(aztk_local_stack, "GET", f"/pools?{API}&%24filter={target}&%24select={target}")
    assert reply.status in (200, 400), reply.body


def test_the_emulator_still_works(batch: BatchClient) -> None:
    assert list(batch.list_supported_images())
