"""Rules between the fields of clusters and jobs: numbers of nodes, slots, limits, and what fits on a node."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models import _sizes, _spark, _sparkfiles
from airflow_provider_aztk.client.models._files import user_file
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client.models._faults import Faults

#: What is kept from the workers: for the system, on the master for Spark's master, on each node for drivers.
DEFAULT_RESERVES: Mapping[str, int] = asdict(contract.Reserves())


def check_nodes(faults: Faults, conf: Any, dedicated: str, low_pri: str) -> None:
    """Check how many nodes and workers there are.

    :param dedicated: name of the field with the number of dedicated nodes.
    :param low_pri: name of the field with the number of low-priority nodes.
    """
    if not faults.is_open(dedicated, low_pri):
        return
    counts = (getattr(conf, dedicated), getattr(conf, low_pri))
    both, total = f"{dedicated}, {low_pri}", sum(count or 0 for count in counts)
    if not total:
        faults.add(both, counts, "give at least one node in one of the two")
    elif all(counts) and not conf.subnet_id:
        fix = "give one of the two: Azure Batch mixes dedicated and low-priority nodes only in a subnet_id of yours"
        faults.add(both, counts, fix)
    elif total > _sizes.MAX_NODES_WITHOUT_SUBNET and not conf.subnet_id:
        faults.add(both, counts, "more than 100 nodes need a subnet_id of yours")
    _check_workers(faults, conf, total)


def _check_workers(faults: Faults, conf: Any, nodes: int) -> None:
    if nodes == 1 and not conf.worker_on_master:
        fix = "the only node would have no worker, and applications would wait for ever: give true, or more nodes"
        faults.add("worker_on_master", False, fix)
    most = nodes - (not conf.worker_on_master)
    if conf.min_workers is not None and conf.min_workers > most:
        beside = "" if conf.worker_on_master else " with worker_on_master=False"
        faults.add("min_workers", conf.min_workers, f"give at most {most}: there cannot be more workers{beside}")


def check_limits(faults: Faults, conf: Any) -> None:
    """Check that the idle timeout can count."""
    idle, lifetime = conf.idle_timeout, conf.max_lifetime
    if idle and lifetime and lifetime <= idle:
        faults.add("idle_timeout", str(idle), f"give less than max_lifetime={lifetime}: it would never count")


def check_slots(faults: Faults, conf: Any) -> None:
    """Check the task slots of a node against what Azure Batch allows for its size."""
    cores = _sizes.vcpus(conf.vm_size or "") if faults.is_open("vm_size") else None
    slots = conf.task_slots_per_node
    if cores and slots and slots > (most := min(_sizes.SLOTS_PER_VCPU * cores, 256)):
        fix = f"give at most {most}: Azure Batch allows 4 for each vCPU, and {conf.vm_size} has {cores}"
        faults.add("task_slots_per_node", slots, fix)


def check_gpu(faults: Faults, conf: Any) -> None:
    """Check that the nodes have the GPUs that are asked for."""
    if conf.gpu_enabled and faults.is_open("vm_size") and not _sizes.has_nvidia_gpu(conf.vm_size):
        fix = f"vm_size={conf.vm_size!r} has no NVIDIA GPU: give one such as 'standard_nc4as_t4_v3', or leave this out"
        faults.add("gpu_enabled", True, fix)


def check_run_options(faults: Faults, conf: Any) -> None:
    """Check what Azure Batch is known to refuse in a task that runs, when the nodes are paid for already."""
    if faults.is_open("container_run_options") and "--gpus" in conf.container_run_options.replace("=", " ").split():
        fix = "leave --gpus out: Azure Batch refuses it, and gives the GPUs of vm_size to the containers itself"
        faults.add("container_run_options", conf.container_run_options, fix)


def check_ssh(faults: Faults, conf: Any) -> None:
    """Check the rules that the addresses make: one for each, and one that denies all others."""
    number, most = len(conf.ssh_allowed_sources), _sizes.MAX_NSG_RULES - 1
    if number > most:
        fix = f"give at most {most} ranges: Azure Batch allows {_sizes.MAX_NSG_RULES} rules, and one denies the others"
        faults.add("ssh_allowed_sources", f"{number} ranges", fix)


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
    available = _sizes.memory_mb(conf.vm_size)
    if available is None:
        return None
    available -= reserves["system_memory_mb"] + reserves["driver_memory_mb"]
    if [conf.max_dedicated_nodes or 0, conf.max_low_pri_nodes or 0] in ([0, 1], [1, 0]):
        available -= reserves["master_memory_mb"]
    return max(available, contract.SMALLEST_WORKER_MB)
