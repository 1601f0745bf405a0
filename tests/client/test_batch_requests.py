"""The bodies of Azure Batch requests: how a cluster, a job and an application map to Batch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_aztk.client import _batch_requests, _naming
from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    DockerConfiguration,
    _sizes,
)
from airflow_provider_aztk.node import contract

IMAGE = _sizes.VmImage("microsoft-dsvm", "ubuntu-hpc", "2404", "latest", "batch.node.ubuntu 24.04")
URL = "https://store.blob.core.windows.net/aztk-c-1?sig=SIGNATURE"


def body(docker: DockerConfiguration | None = None, **fields: object) -> dict[str, Any]:
    conf = ClusterConfiguration(**{"cluster_id": "c", "vm_count": 2, **fields})
    return _batch_requests.job_body(
        conf, mode="cluster", container_url=URL, image=IMAGE, docker=docker, definition="abc"
    )


def pool_of(job: dict[str, Any]) -> dict[str, Any]:
    return job["poolInfo"]["autoPoolSpecification"]["pool"]


def test_the_auto_pool_goes_with_its_job() -> None:
    auto_pool = body()["poolInfo"]["autoPoolSpecification"]
    assert (auto_pool["poolLifetimeOption"], auto_pool["keepAlive"]) == ("job", False)
    assert len(auto_pool["autoPoolIdPrefix"]) <= 20


def test_two_daemons_never_share_a_node() -> None:
    for size, slots in (("standard_d4s_v5", 8), ("standard_f1", 4), ("standard_d1_v2", 4)):
        job = body(vm_size=size)
        daemon = job["jobManagerTask"]["requiredSlots"]
        assert pool_of(job)["taskSlotsPerNode"] == slots
        assert 2 * daemon > slots > daemon


@pytest.mark.parametrize(
    ("counts", "on_spot"), [({"vm_count": 2}, False), ({"vm_count": None, "vm_low_pri_count": 2}, True)]
)
def test_the_master_avoids_spot_nodes_where_it_can(counts: dict[str, int], on_spot: bool) -> None:
    assert body(**counts)["jobManagerTask"]["allowLowPriorityNode"] is on_spot


def test_a_subnet_turns_inter_node_communication_off() -> None:
    assert pool_of(body())["enableInterNodeCommunication"] is True
    pool = pool_of(body(subnet_id="/subscriptions/x", vm_low_pri_count=1))
    assert pool["enableInterNodeCommunication"] is False
    assert pool["networkConfiguration"] == {"subnetId": "/subscriptions/x"}


def test_ssh_is_closed_unless_asked_for_and_then_only_to_those_named() -> None:
    assert "networkConfiguration" not in pool_of(body())
    network = pool_of(body(ssh_allowed_sources=["203.0.113.7"]))["networkConfiguration"]
    (nat,) = network["endpointConfiguration"]["inboundNATPools"]
    assert nat["backendPort"] == 22
    rules = nat["networkSecurityGroupRules"]
    assert [(rule["access"], rule["sourceAddressPrefix"]) for rule in rules] == [
        ("allow", "203.0.113.7"),
        ("deny", "*"),
    ]


def test_owner_and_definition_are_on_job_and_pool() -> None:
    job = body(metadata={"dag": "etl"})
    for metadata in (job["metadata"], pool_of(job)["metadata"]):
        found = _naming.from_metadata(metadata)
        assert found["dag"] == "etl"
        assert found[_naming.DEFINITION] == "abc"


def test_a_private_registry_reaches_the_pool_only() -> None:
    job = body(DockerConfiguration(endpoint="me.azurecr.io", username="u", password="hush-hush"), docker_repo="me/x:1")
    container = pool_of(job)["virtualMachineConfiguration"]["containerConfiguration"]
    assert container["containerRegistries"] == [
        {"registryServer": "me.azurecr.io", "username": "u", "password": "hush-hush"}
    ]
    assert container["containerImageNames"] == ["me/x:1"]
    assert "hush-hush" not in repr(job["jobManagerTask"])


@pytest.mark.parametrize(
    ("given", "sent"),
    [({}, "--network host --rm"), ({"container_run_options": "--network host --rm --shm-size 2g"}, None)],
)
def test_all_containers_have_the_run_options(given: dict[str, str], sent: str | None) -> None:
    conf = ClusterConfiguration(cluster_id="c", vm_count=2, **given)
    tasks = [body(**given)["jobManagerTask"], *_batch_requests.cluster_tasks(conf, URL)]
    found = {task["containerSettings"]["containerRunOptions"] for task in tasks}
    assert found == {sent or given["container_run_options"]}


def test_run_options_whose_quotation_marks_are_open_are_refused() -> None:
    with pytest.raises(InvalidConfigurationError, match="each quotation mark closed"):
        ClusterConfiguration(cluster_id="c", vm_count=1, container_run_options="--label 'a")


def test_gpus_are_given_by_batch_itself() -> None:
    job = body(gpu_enabled=True, vm_size="standard_nc4as_t4_v3")
    assert "gpus" not in job["jobManagerTask"]["containerSettings"]["containerRunOptions"]


def test_the_size_of_the_os_disk_is_always_sent() -> None:
    for given, sent in (({}, 128), ({"os_disk_size_gb": 512}, 512)):
        machine = pool_of(body(**given))["virtualMachineConfiguration"]
        assert machine["osDisk"] == {"diskSizeGB": sent}


def test_lifetime() -> None:
    job = body(max_lifetime=timedelta(hours=8))
    assert job["constraints"] == {"maxWallClockTime": "PT8H"}
    assert "constraints" not in body()


def test_workers_and_gate_go_on_whatever_happens() -> None:
    conf = ClusterConfiguration(cluster_id="c", vm_count=3)
    tasks = {task["id"]: task for task in _batch_requests.cluster_tasks(conf, URL)}
    assert list(tasks) == ["aztk-worker-001", "aztk-worker-002", contract.GATE_TASK_ID]
    for task in tasks.values():
        assert set(task["exitConditions"]) == {"default", "preProcessingError", "fileUploadError"}
        assert all(v == {"jobAction": "none", "dependencyAction": "satisfy"} for v in task["exitConditions"].values())


def test_the_only_credential_of_a_task_is_the_containers_sas(program: str) -> None:
    app = ApplicationConfiguration(
        name="a", application=program, secret_conf={"spark.k": "hush-hush"}, max_retry_count=2
    )
    task = _batch_requests.application_task(app, {"imageName": "x"}, URL)
    assert "hush-hush" not in repr(task)
    assert {entry["storageContainerUrl"] for entry in task["resourceFiles"]} == {URL}
    assert "environmentSettings" not in task
    assert task["dependsOn"] == {"taskIds": [contract.GATE_TASK_ID]}
    assert task["constraints"]["maxTaskRetryCount"] == 2


def test_the_finish_task_ends_the_job_however_it_ends_itself() -> None:
    (finish,) = _batch_requests.finish_tasks(["a", "b"], {}, URL)
    assert finish["dependsOn"] == {"taskIds": ["a", "b"]}
    conditions = finish["exitConditions"]
    assert conditions["exitCodes"][0]["exitOptions"]["jobAction"] == "terminate"
    assert all(
        conditions[name]["jobAction"] == "terminate" for name in ("default", "preProcessingError", "fileUploadError")
    )


def test_many_applications_fan_in() -> None:
    names = [f"{index:064d}" for index in range(3000)]
    tasks = _batch_requests.finish_tasks(names, {}, URL)
    waited_for: set[str] = set()
    for task in tasks:
        ids = task["dependsOn"]["taskIds"]
        assert sum(len(id) for id in ids) < 64_000
        waited_for.update(ids)
    assert waited_for == {*names, *(task["id"] for task in tasks[:-1])}
    assert tasks[-1]["id"] == contract.FINISH_TASK_ID
