"""What clusters and jobs have in common: nodes, image, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from airflow_provider_aztk.client.models import _sizes
from airflow_provider_aztk.client.models._base import ConfigModel
from airflow_provider_aztk.client.models._cluster_rules import (
    DEFAULT_RESERVES,
    check_gpu,
    check_nodes,
    check_run_options,
    check_slots,
    check_ssh,
)
from airflow_provider_aztk.client.models._types import (
    Duration,
    OneOf,
    Switch,
    Text,
    TextMap,
    Whole,
    fitting,
    listed,
    mapping,
)

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

#: After this long without its tasks, a cluster or job ends itself: the process that created it has died.
DEFAULT_INCOMPLETE_TIMEOUT = timedelta(minutes=10)
_VM_SIZE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


VmSize = Annotated[Text, fitting(_VM_SIZE.fullmatch, "give the name of a VM size, such as 'standard_d4ds_v5'")]
Image = Annotated[Text, fitting(_sizes.is_image, "give an image as '[registry/]name[:tag]', the name in lower case")]
RunOptions = Annotated[
    Text, fitting(_sizes.is_option_line, "give options of docker create as text, each quotation mark closed")
]
VmImage = Annotated[
    Text,
    fitting(
        _sizes.parse_vm_image,
        "give 'publisher:offer:sku[:version]@node agent', e.g. "
        "'microsoft-dsvm:ubuntu-hpc:2404@batch.node.ubuntu 24.04'",
    ),
]
Count = Annotated[int, Whole(0)]
Address = Annotated[Text, fitting(_sizes.is_address_range, "give an address or range such as '203.0.113.0/24'")]
Addresses = Annotated[Sequence[Address], listed("give a list of strings"), AfterValidator(tuple)]
Reserves = Annotated[
    Mapping[Annotated[Text, OneOf(*DEFAULT_RESERVES)], Annotated[int, Whole(0)]],
    BeforeValidator(mapping),
    AfterValidator(dict),
]


@dataclass(frozen=True, kw_only=True)
class ClusterShape(ConfigModel):
    """What clusters and jobs have in common.

    :param subnet_id: ARM id of the subnet to put the nodes in.
    :param gpu_enabled: refuse a ``vm_size`` without NVIDIA GPUs. Azure Batch itself gives them to the containers. A10
        GPUs (``nvads_a10_v5``) need a ``vm_image`` with NVIDIA's GRID driver, which ubuntu-hpc does not have.
    :param os_disk_size_gb: size of a node's OS disk in GB. Without a temporary disk (sizes without ``d``, such as
        ``standard_d4s_v5``) Spark's files are on it, too. At least 64, the size of the image's own disk.
    :param container_run_options: options of ``docker create`` for the containers of all tasks. The nodes of a cluster
        reach each other in the host's network only, and a container that is not removed takes disk space for good: keep
        what the default has (learn.microsoft.com/azure/batch/batch-docker-container-workloads).
    :param worker_on_master: run a worker beside the master.
    :param vm_image: ``publisher:offer:sku[:version]`` and the node agent after ``@``, e.g.
        ``microsoft-dsvm:ubuntu-hpc:2404@batch.node.ubuntu 24.04``; default the newest verified
        image with Docker that fits ``vm_size`` and that Batch supports for 60 days more.
    :param max_lifetime: Azure Batch ends the cluster after this long, also when Airflow is down; default no limit.
    :param incomplete_timeout: the cluster ends itself when its creation was not finished this long after its master
        was ready, because the process that created it has died.
    :param pool_timeout: a cluster or job that is active and has no pool of nodes this long after its creation counts as
        failed, with ``PoolMissing``.
    :param min_workers: the fewest Spark workers to go on with: with fewer, once no more can come or none came for 5
        minutes, the cluster fails with ``TooFewWorkers``. Without a number it goes on with those that came.
    :param default_cores: cores that an application takes unless its ``max_cores`` says otherwise; without it all.
    :param task_slots_per_node: Batch task slots of a node; without it 8 (4 on sizes with one vCPU).
    :param ssh_allowed_sources: address ranges that may reach port 22; without any, SSH is closed.
    :param reserves: what is kept from the workers: ``system_memory_mb``, ``master_memory_mb``, ``driver_memory_mb``,
        ``cores``; 1024 MiB each and no core where it is not given.
    :param metadata: names and values that job and pool carry, e.g. the owner.
    """

    _refused: ClassVar[Mapping[str, str]] = {
        "plugins": "AZTK's plugins are not supported: use custom_scripts, or an image of your own in docker_repo",
        "file_shares": "Azure file shares are not supported: read abfss: or wasbs: URLs from Spark",
        "toolkit": "toolkits are read from YAML only: give docker_repo",
        "username": "users are created on a running cluster: use create_user",
    }
    #: The fields with the numbers of dedicated and low-priority nodes.
    _counts: ClassVar[tuple[str, str]]

    subnet_id: Text | None = None
    gpu_enabled: Switch = False
    os_disk_size_gb: Annotated[int, Whole(_sizes.SMALLEST_OS_DISK_GB, 4095)] = _sizes.DEFAULT_OS_DISK_GB
    container_run_options: RunOptions = _sizes.DEFAULT_RUN_OPTIONS
    worker_on_master: Switch = True
    vm_image: VmImage | None = None
    max_lifetime: Duration | None = None
    incomplete_timeout: Duration = DEFAULT_INCOMPLETE_TIMEOUT
    pool_timeout: Duration = _sizes.DEFAULT_POOL_TIMEOUT
    min_workers: Annotated[int, Whole(1)] | None = None
    default_cores: Annotated[int, Whole(1)] | None = None
    # Master and workers take more than half of a node's slots, and leave the rest to drivers: of 2 nothing is left.
    task_slots_per_node: Annotated[int, Whole(3, 256)] | None = None
    ssh_allowed_sources: Addresses = ()
    reserves: Reserves = field(default_factory=dict)
    metadata: TextMap = field(default_factory=dict)

    def _check(self, faults: Faults) -> None:
        check_nodes(faults, self, *self._counts)
        check_slots(faults, self)
        check_gpu(faults, self)
        check_run_options(faults, self)
        check_ssh(faults, self)
        for name, value in self.metadata.items():
            if name.startswith("aztk_"):
                faults.add(f"metadata.{name}", value, "choose another name: 'aztk_' is reserved")
