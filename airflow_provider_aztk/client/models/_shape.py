"""What clusters and jobs share: the checks of nodes, image, reserves and of what fits on a node."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models import _sizes, _spark, _sparkfiles
from airflow_provider_aztk.client.models._files import user_file
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client.models._base import Faults

__all__ = [
    "DEFAULT_RESERVES",
    "check_counts",
    "check_fit",
    "check_idle",
    "check_jars",
    "check_min_workers",
    "check_shape",
    "check_worker",
]

_VM_SIZE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

#: What is kept from the workers: for the system, on the master for Spark's master, on each node for drivers.
DEFAULT_RESERVES: Mapping[str, int] = {
    "system_memory_mb": 1024,
    "master_memory_mb": 1024,
    "driver_memory_mb": 1024,
    "cores": 0,
}


def check_counts(
    faults: Faults, dedicated: tuple[str, int | None], low_pri: tuple[str, int | None], subnet_id: str | None
) -> None:
    """Check how many nodes there are, by name and number of the two counts."""
    before = len(faults.found)
    for name, value in (dedicated, low_pri):
        faults.check_int(name, value, minimum=0)
    if len(faults.found) > before:
        return
    total = (dedicated[1] or 0) + (low_pri[1] or 0)
    both = f"{dedicated[0]}, {low_pri[0]}"
    if not total:
        faults.add(both, (dedicated[1], low_pri[1]), "give at least one node in one of the two")
    elif dedicated[1] and low_pri[1] and not subnet_id:
        fix = "give one of the two: Azure Batch mixes dedicated and low-priority nodes only in a subnet_id of yours"
        faults.add(both, (dedicated[1], low_pri[1]), fix)
    elif total > _sizes.MAX_NODES_WITHOUT_SUBNET and not subnet_id:
        faults.add(both, (dedicated[1], low_pri[1]), "more than 100 nodes need a subnet_id of yours")


def check_min_workers(faults: Faults, conf: Any, *counts: object) -> None:
    """Check that as many workers as the cluster needs can be there."""
    before = len(faults.found)
    faults.check_int("min_workers", conf.min_workers, minimum=1)
    if conf.min_workers is None or len(faults.found) > before:
        return
    most = sum(count for count in counts if isinstance(count, int)) - (conf.worker_on_master is False)
    if conf.min_workers > most:
        beside = "" if conf.worker_on_master else " with worker_on_master=False"
        faults.add("min_workers", conf.min_workers, f"give at most {most}: there cannot be more workers{beside}")


def check_worker(faults: Faults, conf: Any, dedicated: int | None, low_pri: int | None) -> None:
    """Check that there is a worker at all."""
    counts = [count or 0 for count in (dedicated, low_pri) if count is None or isinstance(count, int)]
    if conf.worker_on_master is False and len(counts) == 2 and sum(counts) == 1:
        fix = "the only node would have no worker, and applications would wait for ever: give true, or more nodes"
        faults.add("worker_on_master", False, fix)


def check_idle(faults: Faults, idle: object, lifetime: object) -> None:
    """Check that the idle timeout can count."""
    if isinstance(idle, timedelta) and isinstance(lifetime, timedelta) and timedelta(0) < lifetime <= idle:
        faults.add("idle_timeout", str(idle), f"give less than max_lifetime={lifetime}: it would never count")


def check_fit(faults: Faults, conf: Any) -> None:
    """See whether the executors of a job's applications fit on its nodes, as far as the VM size is known."""
    for index, app in enumerate(conf.applications):
        _spark.check_cores(faults, f"applications[{index}].", app, conf.default_cores)
    files = conf.spark_configuration
    if files and files.spark_env_sh:
        return  # it may say what a worker offers
    node = _spark.NodeSize(
        conf.vm_size, _sizes.vcpus(conf.vm_size), room_mb=_room_mb(conf), memory_mb=_sizes.memory_mb(conf.vm_size)
    )
    defaults = _sparkfiles.defaults(files.spark_defaults_conf) if files else {}
    for index, app in enumerate(conf.applications):
        _spark.check_fit(faults, f"applications[{index}].", app, node)
        _spark.check_least(faults, f"applications[{index}].", app, defaults, node)
    _spark.check_defaults_fit(faults, "spark_configuration.spark_defaults_conf", defaults, conf.applications, node)


def check_jars(faults: Faults, conf: Any) -> None:
    """Check the names of an application's jars against those of the cluster: Spark would leave the second one out."""
    of_cluster: dict[str, str] = {}
    for path in conf.spark_configuration.jars if conf.spark_configuration else ():
        of_cluster.setdefault(user_file(path).name, _whole(path))
    for index, app in enumerate(conf.applications):
        for number, path in enumerate(app.jars):
            name = user_file(path).name
            if of_cluster.get(name, _whole(path)) != _whole(path):
                fix = "spark_configuration.jars has the same file name, and Spark takes one of each: rename one"
                faults.add(f"applications[{index}].jars[{number}]", path, fix)


def _whole(path: str) -> str:
    file = user_file(path)
    return file.path if file.remote else os.path.abspath(file.path)


def _room_mb(conf: Any) -> int | None:
    """Return the memory that a worker offers at most; None where it is not known."""
    reserves: dict[str, int] = {**DEFAULT_RESERVES, **conf.reserves}
    numbers = [value for value in reserves.values() if isinstance(value, int)]
    room = _sizes.memory_mb(conf.vm_size)
    if room is None or len(numbers) != len(reserves):
        return room
    room -= reserves["system_memory_mb"] + reserves["driver_memory_mb"]
    if [conf.max_dedicated_nodes or 0, conf.max_low_pri_nodes or 0] in ([0, 1], [1, 0]):
        room -= reserves["master_memory_mb"]
    return max(room, contract.SMALLEST_WORKER_MB)


def check_shape(faults: Faults, conf: Any) -> None:
    """Check what clusters and jobs have in common."""
    faults.check_unique("custom_scripts", (s.name for s in conf.custom_scripts if s.name), "script")
    if not isinstance(conf.vm_size, str) or not _VM_SIZE.fullmatch(conf.vm_size):
        faults.add("vm_size", conf.vm_size, "give the name of a VM size, such as 'standard_d4s_v5'")
    if not isinstance(conf.docker_repo, str) or not _sizes.is_image(conf.docker_repo):
        faults.add("docker_repo", conf.docker_repo, "give an image as '[registry/]name[:tag]', the name in lower case")
    if conf.vm_image is not None and not _sizes.parse_vm_image(conf.vm_image):
        faults.add("vm_image", conf.vm_image, "give 'publisher:offer:sku[:version]@node agent', e.g. "
                   "'microsoft-dsvm:ubuntu-hpc:2404@batch.node.ubuntu 24.04'")  # fmt: skip
    for name in ("gpu_enabled", "worker_on_master"):
        faults.check_bool(name, getattr(conf, name))
    faults.check_int("default_cores", conf.default_cores, minimum=1)
    # Master and workers take more than half of a node's slots, and leave the rest to drivers: of 2 nothing is left.
    faults.check_int("task_slots_per_node", conf.task_slots_per_node, minimum=3, maximum=256)
    _check_slots(faults, conf)
    for index, source in enumerate(conf.ssh_allowed_sources):
        if not _sizes.is_address_range(source):
            faults.add(f"ssh_allowed_sources[{index}]", source, "give an address or range such as '203.0.113.0/24'")
    _check_maps(faults, conf)


def _check_maps(faults: Faults, conf: Any) -> None:
    for name, value in conf.reserves.items():
        if name not in DEFAULT_RESERVES:
            faults.add(f"reserves.{name}", value, "use one of " + ", ".join(DEFAULT_RESERVES))
        faults.check_int(f"reserves.{name}", value)
    faults.check_text_map("metadata", conf.metadata)
    for name in conf.metadata:
        if str(name).startswith("aztk_"):
            faults.add(f"metadata.{name}", conf.metadata[name], "choose another name: 'aztk_' is reserved")


def _check_slots(faults: Faults, conf: Any) -> None:
    cores = _sizes.vcpus(conf.vm_size) if isinstance(conf.vm_size, str) else None
    slots = conf.task_slots_per_node
    if cores and isinstance(slots, int) and slots > min(4 * cores, 256):
        faults.add("task_slots_per_node", slots, f"give at most {min(4 * cores, 256)}: Azure Batch allows 4 for each "
                   f"vCPU, and {conf.vm_size} has {cores}")  # fmt: skip
