"""Whole runs, as processes, on the local stack: it passes, and each difference is reported; nothing stays."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_aztk.client import Client
from airflow_provider_aztk.client._naming import container_name
from airflow_provider_aztk.local.batch.api.images import SUPPORTED_IMAGES
from airflow_provider_aztk.local.batch.common.recording import read_recording
from airflow_provider_aztk.local.batch.services.recorded import describe_recording
from airflow_provider_aztk.local.testing import LocalStack, run_stack
from airflow_provider_aztk.verify.account import Account
from airflow_provider_aztk.verify.answers import Stage
from airflow_provider_aztk.verify.lab import Lab
from airflow_provider_aztk.verify.plan import PREFIX, Plan
from airflow_provider_aztk.verify.questions import QUESTIONS
from airflow_provider_aztk.verify.sweep import find
from tests.client.live.conftest import secrets_of
from tests.client.live.entra import trust
from tests.verify.conftest import nothing_left, read_until

if TYPE_CHECKING:
    from tests.verify.conftest import Start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NEVER = {question.id for question in QUESTIONS if question.stage is Stage.NEVER}
#: What can be asked with account keys only, and with Entra ID only.
WITH_KEYS, WITH_ENTRA_ID = {"subnet-shared-key"}, {"delegation-key-lifetime"}


def verdicts(directory: Path) -> dict[str, str]:
    report = json.loads((directory / "aztk-verify.json").read_text())
    return {answer["id"]: answer["verdict"] for answer in report["answers"]}


def all_same_but(not_asked: set[str]) -> dict[str, str]:
    """Return the verdicts of a run in which Azure does what the emulator assumes."""
    return {q.id: "could not be asked" if q.id in not_asked else "same" for q in QUESTIONS}


def containers(stack: LocalStack) -> list[str]:
    account = Account.of(secrets_of(stack))
    try:
        return list(find(account).containers)
    finally:
        account.close()


def test_the_local_stack_passes_whole(stack: LocalStack, start: Start, tmp_path: Path) -> None:
    process = start()
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    for word in ("2 nodes at once", "30 minutes", "maxWallClockTime", "Cost:", "is deleted at the end"):
        assert word in said
    assert verdicts(tmp_path / "report") == all_same_but(NEVER | WITH_ENTRA_ID), said
    nothing_left(stack)
    assert containers(stack) == []
    no_secret(stack, tmp_path / "report")
    recording = read_recording(tmp_path / "report" / "aztk-verify.json")
    assert list(recording.images) == SUPPORTED_IMAGES
    assert set(recording.same) == {q.id for q in QUESTIONS} - NEVER - WITH_ENTRA_ID


def test_it_passes_with_entra_id_and_without_any_key(stack: LocalStack, start: Start, tmp_path: Path) -> None:
    names = ("tenant_id", "client_id", "client_secret", "batch_account_resource_id", "storage_account_resource_id")
    extra = {name: stack.entra[name] for name in (*names, "resource_manager_url")}
    process = start(
        **trust(stack), AIRFLOW_CONN_AZTK_DEFAULT=json.dumps({"conn_type": "aztk", "extra": extra}), AZURE_CLIENT_ID=""
    )
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert verdicts(tmp_path / "report") == all_same_but(NEVER | WITH_KEYS), said
    nothing_left(stack)
    assert containers(stack) == []
    no_secret(stack, tmp_path / "report")


def no_secret(stack: LocalStack, directory: Path) -> None:
    """Search both files of a report for everything that the stack keeps secret, and for what names it."""
    secret: list[Any] = [stack.batch_key, stack.blob_key, stack.batch_account, stack.blob_account]
    secret += [stack.entra[name] for name in ("client_secret", "tenant_id", "client_id", "batch_account_resource_id")]
    for path in directory.iterdir():
        text = path.read_text()
        for value in secret:
            for form in (str(value), quote(str(value), safe=""), json.dumps(value)[1:-1]):
                assert form not in text, (path.name, value)
        for word in ("127.0.", "SharedKey aztk", str(Path.home())):
            assert word not in text, (path.name, word)
        signatures = {part.split("&")[0].split('"')[0] for part in text.split("sig=")[1:]}
        assert all(signature.startswith("SIGNATURE-") for signature in signatures), signatures


def test_each_difference_is_reported_and_the_product_lives_with_it(
    stack: LocalStack, start: Start, tmp_path: Path
) -> None:
    stack.admin.http_fault(operation="get_node_remote_login_settings", status=409, code="NodeNotReady", count=-1)
    stack.admin.node_environment(values={"AZTK_NODE_SPEEDUP": "20"})  # the master ends the job in 3 s, not 60
    stack.admin.terminated_tasks_block()
    stack.admin.exit_code_zero_never_acts()
    stack.admin.retries_move()
    stack.admin.pool_survives_job(job="*-early")
    process = start()
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 3, said
    different = {id for id, verdict in verdicts(tmp_path / "report").items() if verdict == "not the same"}
    assert different == {"remote-login", "terminated-condition", "exit-code-zero", "retry-node", "early-deletion"}, said
    for id in different:
        assert f"* {id}: not the same: " in said
    page = (tmp_path / "report" / "aztk-verify.md").read_text()
    assert page.startswith("# airflow aztk verify: passed, 5 answers not the same")
    nothing_left(stack)  # the pool that survived, too
    recording = read_recording(tmp_path / "report" / "aztk-verify.json")
    assert recording.answers.keys() == different
    assert "not taken over: nothing" in describe_recording(recording)[-1]


def test_a_cluster_that_fails_is_an_answer_too(stack: LocalStack, start: Start, tmp_path: Path) -> None:
    stack.admin.host_network_ignored()
    process = start("--nodes", "1")
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 1, said
    found = verdicts(tmp_path / "report")
    assert found["network-host"] == "not the same", said
    assert found["free-disk"] == "could not be asked"
    assert found["exit-code-zero"] == "same"  # single tasks need no Spark
    assert "FAILED  wait until it is ready" in said
    nothing_left(stack)


def test_an_interrupted_run_leaves_nothing(stack: LocalStack, start: Start, tmp_path: Path) -> None:
    number = signal.SIGINT
    process = start()
    read_until(process, "ok      create a cluster")
    process.send_signal(number)
    read_until(process, "deleting what was made")
    process.send_signal(number)  # the second one changes nothing
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert "everything that the run made is deleted" in said
    report = json.loads((tmp_path / "report" / "aztk-verify.json").read_text())
    assert report["result"] == f"interrupted ({number.name})"
    assert stack.admin.state()["jobs"] == 0
    assert containers(stack) == []
    nothing_left(stack)


#: A run of which Azure ends everything after 12 seconds.
SHORT_RUN = """
import sys
from datetime import timedelta
from pathlib import Path
from airflow_provider_aztk.hooks.connection import environment_secrets
from airflow_provider_aztk.verify.command import verify
from airflow_provider_aztk.verify.plan import PREFIX, Plan
plan = Plan(limit=timedelta(seconds=12), patience=timedelta(seconds=4))
verify(plan, environment_secrets("aztk_default"), Path(sys.argv[2]))
"""


def test_what_a_killed_run_leaves(stack: LocalStack, start: Start) -> None:
    process = start(code=SHORT_RUN)
    read_until(process, "ok      create a cluster")
    process.kill()
    process.wait()
    with Client(secrets_of(stack)) as client:
        (left,) = client.list_clusters()
        end = time.monotonic() + 60
        while stack.admin.state()["pools"]:  # its job's own limit ends it
            assert time.monotonic() < end
            time.sleep(0.3)
        assert client.get_cluster(left.id).state == "ended"
    old = left.id.replace(left.id.split("-")[2], "240101000000")
    with_old_container(stack, old)
    orphan = with_orphaned_pool(stack, timedelta(minutes=90))
    young = with_orphaned_pool(stack, timedelta(minutes=20))  # its run may be alive, and just asks about it
    following = start()
    said = read_until(following, "sign in to both accounts")
    assert f"an earlier run has left job {left.id} (completed)" in said
    assert f"an earlier run has left container {container_name(left.id)}" in said
    assert f"deleting what {old.removesuffix('-cluster')} has left" in said
    assert f"deleting pool {orphan}, whose job is gone" in said
    assert f"an earlier run has left pool {young} (active)" in said
    assert f"deleting pool {young}" not in said
    following.send_signal(signal.SIGTERM)
    said, _ = following.communicate(timeout=300)
    assert following.returncode == 130, said
    assert "SIGTERM: deleting what was made" in said
    assert containers(stack) == [container_name(left.id)]  # another run may be alive; the old one is not
    account = Account.of(secrets_of(stack))
    assert account.send("DELETE", f"/pools/{young}").status == 202
    account.close()
    with Client(secrets_of(stack)) as client:
        client.delete_cluster(left.id)
    nothing_left(stack)


def test_a_run_that_gets_no_nodes_asks_for_no_more(stack: LocalStack, start: Start, tmp_path: Path) -> None:
    stack.admin.resize_error(code="AccountCoreQuotaReached", dedicated=0, count=-1)
    said, _ = start().communicate(timeout=200)
    found = verdicts(tmp_path / "report")
    assert found["task-killing"] == found["stopped-waiting"] == found["free-disk"] == "could not be asked", said
    assert said.count("AccountCoreQuotaReached") >= 3  # of the step, and of each question
    assert "submit a job" not in said
    nothing_left(stack)


def test_a_deletion_that_lasts_is_no_pool_that_survives(stack: LocalStack, start: Start, tmp_path: Path) -> None:
    stack.admin.delays(deletion=15)
    process = start("--nodes", "1")
    read_until(process, "early-deletion: same")
    process.send_signal(signal.SIGTERM)
    stack.admin.delays(deletion=0)
    process.communicate(timeout=200)
    assert process.returncode == 130
    nothing_left(stack)


def with_old_container(stack: LocalStack, cluster_id: str) -> None:
    """Make a container as a run of long ago has left it."""
    from airflow_provider_aztk.client._azure.storage import CreateContainer

    account = Account.of(secrets_of(stack))
    account.run(CreateContainer(container_name(cluster_id), {}))
    account.close()


def with_orphaned_pool(stack: LocalStack, age: timedelta) -> str:
    """Make a pool as a run of that age has left it, whose job is gone; return its id."""
    run = f"{PREFIX}{datetime.now(UTC) - age:%y%m%d%H%M%S}-abcd"
    lab = Lab(account=Account.of(secrets_of(stack)), plan=Plan(run=run), say=print)
    machine = {
        "imageReference": SUPPORTED_IMAGES[3]["imageReference"],
        "nodeAgentSKUId": SUPPORTED_IMAGES[3]["nodeAgentSKUId"],
    }
    pool = {"vmSize": "standard_d2s_v5", "virtualMachineConfiguration": machine, "targetDedicatedNodes": 0}
    id = lab.new_id("early")
    stack.admin.pool_survives_job(job=id)
    assert lab.account.send("POST", "/jobs", lab.plain_job(id, pool)).status == 201
    job = lab.account.get(f"/jobs/{id}")
    lab.account.send("DELETE", f"/jobs/{id}")
    lab.account.close()
    assert job is not None
    return str(job["executionInfo"]["poolId"])


def test_a_stack_behaves_as_recorded(tmp_path: Path) -> None:
    image = {**SUPPORTED_IMAGES[3], "batchSupportEndOfLife": "2031-01-01T00:00:00Z"}
    answers = [
        {"id": "auto-pool-id", "verdict": "not the same", "observed": {"prefix_and_guid": True, "between": "-"}},
        {"id": "select-path", "verdict": "same", "observed": {"status": 200}},
    ]
    path = tmp_path / "aztk-verify.json"
    path.write_text(json.dumps({"format": 1, "answers": answers, "images": [image]}))
    with run_stack("--fake-spark", "--no-blob", "--recording", str(path)) as stack:
        stack.admin.clear()  # what was recorded stays
        account = Account.of(
            secrets_of(
                stack, storage_account_name="none", storage_account_key="a2V5", storage_service_url="http://127.0.0.1:9"
            )
        )
        assert account.list("/supportedimages") == [image]
        machine = {"imageReference": image["imageReference"], "nodeAgentSKUId": image["nodeAgentSKUId"]}
        pool = {"vmSize": "standard_d2s_v5", "virtualMachineConfiguration": machine, "targetDedicatedNodes": 0}
        auto = {"autoPoolIdPrefix": "mine", "poolLifetimeOption": "job", "pool": pool}
        reply = account.send("POST", "/jobs", {"id": "j", "poolInfo": {"autoPoolSpecification": auto}})
        assert reply.status == 201, reply.body
        job = account.get("/jobs/j") or {}
        assert job["executionInfo"]["poolId"].startswith("mine-")
        account.close()
