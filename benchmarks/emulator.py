"""How fast the emulator is, and whether its cost stays linear and its memory bounded.

Runs 100, 1,000 and 10,000 simulated tasks from create-collection to completed, through the official SDK, and prints
for each the tasks a second, the emulator's CPU time for a task and its memory. Exits with 1 when a task of the largest
run costs more than twice a task of the middle one (linear cost), or when memory grows over five further rounds of
1,000 tasks whose jobs were deleted (bounded memory).

    python benchmarks/emulator.py [NUMBER ...]
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential

from airflow_provider_aztk.local.testing import LocalStack, run_stack

_SIMULATE = m.EnvironmentSetting(name="AZTK_LOCAL_SIMULATE", value='{"seconds": 0.01}')
_NODES, _SLOTS = 10, 8
_ROUNDS, _ROUND_SIZE = 5, 1000
_ALLOWED_GROWTH_MB = 10


def main() -> int:
    """Run the benchmark and tell the exit code."""
    sizes = [int(argument) for argument in sys.argv[1:]] or [100, 1_000, 10_000]
    with run_stack("--no-blob") as stack:
        credential = AzureNamedKeyCredential(stack.batch_account, stack.batch_key)
        with BatchClient(stack.batch_endpoint, credential) as client:
            make_pool(client)
            print(f"{'tasks':>7} {'seconds':>8} {'tasks/s':>8} {'CPU ms/task':>12} {'memory MB':>10}")
            run(client, stack, "warm-up", 100)
            growth = rounds(client, stack)  # before the large runs: what those free would hide a leak
            costs = [run(client, stack, f"size-{size}", size) for size in sizes]
    linear = len(costs) < 2 or costs[-1] <= 2 * costs[-2]
    bounded = growth <= _ALLOWED_GROWTH_MB
    print(f"cost of a task, largest run to the one before: {costs[-1] / costs[-2]:.2f}" if len(costs) > 1 else "")
    print(f"memory after {_ROUNDS} more rounds of {_ROUND_SIZE} tasks: {growth:+.1f} MB")
    print("linear and bounded" if linear and bounded else "NOT linear or NOT bounded")
    return 0 if linear and bounded else 1


def make_pool(client: BatchClient) -> None:
    """Make the pool and wait for its nodes."""
    machine = m.VirtualMachineConfiguration(
        image_reference=m.BatchVmImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server"),
        node_agent_sku_id="batch.node.ubuntu 24.04",
    )
    client.create_pool(
        m.BatchPoolCreateOptions(
            id="bench",
            vm_size="standard_d4s_v5",
            virtual_machine_configuration=machine,
            target_dedicated_nodes=_NODES,
            task_slots_per_node=_SLOTS,
        )
    )
    while sum(node.state == m.BatchNodeState.IDLE for node in client.list_nodes("bench")) < _NODES:
        time.sleep(0.1)


def run(client: BatchClient, stack: LocalStack, job_id: str, size: int, *, quiet: bool = False) -> float:
    """Run tasks, print a line, and tell the CPU seconds of one task."""
    client.create_job(m.BatchJobCreateOptions(id=job_id, pool_info=m.BatchPoolInfo(pool_id="bench")))
    tasks = [
        m.BatchTaskCreateOptions(id=f"{number:05d}", command_line="-", environment_settings=[_SIMULATE])
        for number in range(size)
    ]
    cpu, start = cpu_seconds(stack.pid), time.monotonic()
    client.create_tasks(job_id, tasks)
    while client.get_job_task_counts(job_id).task_counts.completed < size:
        time.sleep(0.05)
    seconds, cost = time.monotonic() - start, (cpu_seconds(stack.pid) - cpu) / size
    counts = client.get_job_task_counts(job_id).task_counts
    assert counts.succeeded == size, counts
    if not quiet:
        print(f"{size:7} {seconds:8.2f} {size / seconds:8.0f} {cost * 1000:12.2f} {memory_mb(stack.pid):10.1f}")
    client.begin_delete_job(job_id, polling_interval=0.1).result()
    return cost


def rounds(client: BatchClient, stack: LocalStack) -> float:
    """Run equal rounds, and tell by how many MB the emulator grew after the first."""
    run(client, stack, "first-round", _ROUND_SIZE, quiet=True)
    before = memory_mb(stack.pid)
    for number in range(_ROUNDS):
        run(client, stack, f"round-{number}", _ROUND_SIZE, quiet=True)
    return memory_mb(stack.pid) - before


def cpu_seconds(pid: int) -> float:
    """Tell the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Tell the memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(main())
