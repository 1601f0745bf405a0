"""What the names of VM sizes say of GPUs, processors and disks, and the limits of Azure Batch."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aztk.client.models import _sizes
from tests.support.configurations import cluster, faults, job

GPU_SIZES = [
    "Standard_NC24s_v3",
    "standard_nc4as_t4_v3",
    "standard_nc40ads_h100_v5",
    "standard_nd96isr_h100_v5",
    "standard_nv36ads_a10_v5",
    "standard_nv12s_v3",
]


@pytest.mark.parametrize("size", GPU_SIZES)
def test_sizes_with_gpus(size: str) -> None:
    assert cluster(gpu_enabled=True, vm_size=size).gpu_enabled
    assert job(gpu_enabled=True, vm_size=size).gpu_enabled


@pytest.mark.parametrize(
    "size", ["standard_d4ds_v5", "standard_nv4as_v4", "standard_nd96isr_mi300x_v5", "standard_ng8ads_v620_v1", "n4"]
)
def test_sizes_without_gpus_of_nvidia_are_refused_with_one_that_has_them(size: str) -> None:
    for build in (cluster, job):
        found = faults(build, gpu_enabled=True, vm_size=size)
        assert set(found) == {"gpu_enabled"}
        assert repr(size) in found["gpu_enabled"]
        assert "standard_nc4as_t4_v3" in found["gpu_enabled"]


@pytest.mark.parametrize(
    ("size", "arm"),
    [
        ("standard_d4ps_v5", True),
        ("Standard_D2plds_v6", True),
        ("standard_e8-4pds_v5", True),
        ("standard_nd128isr_gb200_v6", True),
        ("standard_d4ds_v5", False),
        ("standard_np10s", False),
        ("mine", False),
    ],
)
def test_processors(size: str, arm: bool) -> None:
    assert _sizes.is_arm(size) is arm


@pytest.mark.parametrize(
    ("size", "lacks"),
    [
        ("standard_d4s_v5", True),
        ("standard_d4as_v4", True),
        ("standard_e8-4s_v5", True),
        ("standard_dc4as_v5", True),
        ("standard_f4as_v6", True),
        ("standard_b4s_v2", True),
        (_sizes.DEFAULT_VM_SIZE, False),
        ("standard_e8-4ads_v5", False),
        ("standard_d4s_v3", False),
        ("standard_f4s_v2", False),
        ("standard_b4ms", False),
        ("standard_nc24s_v3", False),
        ("standard_l8s_v3", False),
        ("mine", False),
    ],
)
def test_temporary_disks(size: str, lacks: bool) -> None:
    assert _sizes.lacks_temporary_disk(size) is lacks


@pytest.mark.parametrize("given", [63, 4096, 0])
def test_os_disks_that_azure_has_not(given: int) -> None:
    assert set(faults(cluster, os_disk_size_gb=given)) == {"os_disk_size_gb"}


@pytest.mark.parametrize("options", ["--gpus all --network host", "--network=host --gpus=all"])
def test_run_options_that_batch_refuses(options: str) -> None:
    assert set(faults(cluster, container_run_options=options)) == {"container_run_options"}


@pytest.mark.parametrize("build", [cluster, job])
def test_more_rules_than_a_pool_may_have(build: Any) -> None:
    """24 ranges and the rule that denies all others are 25."""
    ranges = [f"203.0.113.{number}" for number in range(25)]
    found = faults(build, ssh_allowed_sources=ranges)
    assert set(found) == {"ssh_allowed_sources"}
    assert "at most 24" in found["ssh_allowed_sources"]
    assert len(build(ssh_allowed_sources=ranges[:24]).ssh_allowed_sources) == 24


def test_more_nodes_than_may_communicate() -> None:
    assert "subnet_id" in faults(cluster, vm_count=101)["vm_count, vm_low_pri_count"]
    assert "subnet_id" in faults(job, max_dedicated_nodes=101)["max_dedicated_nodes, max_low_pri_nodes"]
    assert cluster(vm_count=100).nodes == 100
