"""What Azure Batch refuses although it would work here, through the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m
from azure.core.exceptions import HttpResponseError

from airflow_provider_aztk.local.batch.services.run_options import unknown_options
from tests.local.support import API, auto_pool, delete_quietly, finished, pool_options, raw, sleeper

if TYPE_CHECKING:
    from azure.batch import BatchClient

    from airflow_provider_aztk.local.testing import LocalStack

SUBNET = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
IMAGE = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/images/i"


def details(error: pytest.ExceptionInfo[HttpResponseError]) -> dict[str, str]:
    return {value.key: value.value for value in error.value.model.error_values}


@pytest.mark.wire("recorded")
def test_a_run_option_that_batch_does_not_know_fails_the_task(batch: BatchClient, name: str) -> None:
    info = auto_pool(containers=True, target_dedicated_nodes=1)
    batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=info))
    for task_id, options in (("good", "--network host --rm -v /a:/b"), ("bad", "--network host --gpus all")):
        container = m.BatchTaskContainerSettings(image_name="x", container_run_options=options)
        batch.create_task(name, sleeper(task_id, container_settings=container))
    assert finished(batch, name, "good").execution_info.result == "success"
    info = finished(batch, name, "bad").execution_info
    assert (info.exit_code, info.failure_info.code) == (None, "ContainerInvalidSettings")
    assert [(detail.name, detail.value) for detail in info.failure_info.details] == [
        ("ContainerSettings", "--network host --gpus all"),
        ("Message", "Some supplied docker options are not recognized or are unsupported: --gpus"),
    ]
    delete_quietly(batch.begin_delete_job, name)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("", []),
        ("--network=host --shm-size 2g --entrypoint '' -eA=b -u root", []),
        ("--gpus=all --runtime nvidia", ["--gpus", "--runtime"]),
        ("--name x", ["--name"]),
        ("'", ["'"]),
    ],
)
def test_options(text: str, unknown: list[str]) -> None:
    assert unknown_options(text) == unknown


@pytest.mark.wire("recorded")
@pytest.mark.parametrize("kind", ["Network", "Compute"])
def test_account_keys_link_no_resources(batch: BatchClient, name: str, kind: str) -> None:
    options = pool_options(name)
    if kind == "Network":
        options.network_configuration = m.NetworkConfiguration(subnet_id=SUBNET)
    else:
        options.virtual_machine_configuration.image_reference = m.BatchVmImageReference(virtual_machine_image_id=IMAGE)
    with pytest.raises(HttpResponseError) as caught:
        batch.create_pool(options)
    assert (caught.value.status_code, caught.value.error.code) == (403, "AuthenticationFailed")
    assert details(caught)["AuthenticationErrorDetail"] == (
        "The specified type of authentication SharedKey is not allowed when external resources of type "
        f"{kind} are linked."
    )


@pytest.mark.wire("documented")
def test_the_limit_of_rules_counts_all_pools(batch: BatchClient, name: str) -> None:
    def nat(index: int, rules: int) -> m.BatchInboundNatPool:
        return m.BatchInboundNatPool(
            name=f"n{index}",
            protocol="tcp",
            backend_port=22 + index,
            frontend_port_range_start=40000 + 100 * index,
            frontend_port_range_end=40099 + 100 * index,
            network_security_group_rules=[
                m.NetworkSecurityGroupRule(priority=150 + n, access="allow", source_address_prefix="*")
                for n in range(rules)
            ],
        )

    def options(*rules: int) -> m.BatchPoolCreateOptions:
        nats = [nat(index, number) for index, number in enumerate(rules)]
        endpoint = m.BatchPoolEndpointConfiguration(inbound_nat_pools=nats)
        return pool_options(name, network_configuration=m.NetworkConfiguration(endpoint_configuration=endpoint))

    with pytest.raises(HttpResponseError) as caught:
        batch.create_pool(options(20, 6))
    assert caught.value.status_code == 400
    batch.create_pool(options(20, 5))
    delete_quietly(batch.begin_delete_pool, name)


@pytest.mark.wire("guessed")
def test_a_job_may_not_bring_more_nodes_than_communicate(batch: BatchClient, name: str) -> None:
    info = auto_pool(target_dedicated_nodes=101, enable_inter_node_communication=True)
    with pytest.raises(HttpResponseError) as caught:
        batch.create_job(m.BatchJobCreateOptions(id=name, pool_info=info))
    assert details(caught)["PropertyValue"] == "101"


@pytest.mark.wire("guessed")
def test_a_resize_may_not_bring_more_nodes_than_communicate(batch: BatchClient, name: str) -> None:
    batch.create_pool(pool_options(name, enable_inter_node_communication=True))
    with pytest.raises(HttpResponseError) as caught:
        batch.begin_resize_pool(name, m.BatchPoolResizeOptions(target_dedicated_nodes=60, target_low_priority_nodes=41))
    assert details(caught)["PropertyValue"] == "101"
    delete_quietly(batch.begin_delete_pool, name)


@pytest.mark.wire("documented")
def test_the_size_of_an_os_disk(batch: BatchClient, name: str) -> None:
    options = pool_options(name)
    machine = options.virtual_machine_configuration
    machine.image_reference = m.BatchVmImageReference(publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2404")
    for size in (5000, 63):  # the disk of the image has 64 GB
        machine.os_disk = m.BatchOsDisk(disk_size_gb=size)
        with pytest.raises(HttpResponseError) as caught:
            batch.create_pool(options)
        assert details(caught)["PropertyName"] == "diskSizeGB"
    options.virtual_machine_configuration.os_disk = m.BatchOsDisk(disk_size_gb=128)
    batch.create_pool(options)
    assert batch.get_pool(name).virtual_machine_configuration.os_disk.disk_size_gb == 128
    delete_quietly(batch.begin_delete_pool, name)


@pytest.mark.wire("documented")
def test_terminating_and_deleting_last_as_long_as_ordered(
    batch: BatchClient, aztk_local: LocalStack, name: str
) -> None:
    aztk_local.admin.delays(termination=5, deletion=5)
    job = m.BatchJobCreateOptions(id=name, pool_info=auto_pool(target_dedicated_nodes=0))
    batch.create_job(job)

    def asked(method: str, path: str) -> tuple[int, str]:
        answer = raw(aztk_local, method, f"{path}?{API}")
        return answer.status, answer.json["code"] if answer.body else ""

    terminate, delete = ("POST", f"/jobs/{name}/terminate"), ("DELETE", f"/jobs/{name}")
    assert asked(*terminate) == (202, "")
    assert batch.get_job(name).state == "terminating"
    assert asked(*terminate) == (409, "JobBeingTerminated")
    assert asked(*delete) == (202, "")
    assert batch.get_job(name).state == "deleting"
    assert asked(*terminate) == asked(*delete) == (409, "JobBeingDeleted")
    with pytest.raises(HttpResponseError) as caught:
        batch.create_job(job)
    assert (caught.value.status_code, caught.value.error.code) == (409, "JobBeingDeleted")
