"""Many deferred waits in one process: ours against the Azure provider's AzureBatchTrigger, on the same emulator.

Some jobs with as many tasks as there are waits, none of which ever ends; the waits end by their own time limit. Counted
until then: the requests that the emulator got, CPU seconds and peak memory of the process, how late its event loop was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

from airflow_provider_aztk.local.testing import LocalStack, run_stack

JOBS = 10
GRACE = 5.0  # seconds that the waits go on after the counting
NO_STORAGE = {"storage_account_name": "none"}  # the stack runs without Azurite: nothing here reads a blob


def main() -> int:
    """Run both and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waits", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--poll-interval", type=float, default=30.0)
    parser.add_argument("--child", choices=("ours", "theirs"))
    args = parser.parse_args()
    if args.child:
        print(json.dumps(asyncio.run(child(args))))
        return 0
    found = {who: measure(who, args) for who in ("ours", "theirs")}
    print(f"{args.waits} waits on {JOBS} jobs for {args.seconds:.0f} s, a poll every {args.poll_interval:.0f} s")
    print(f"{'':<22}{'ours':>10}{'AzureBatchTrigger':>20}{'ratio':>8}")
    for name in ("requests", "cpu_seconds", "memory_mb", "worst_lag_ms"):
        ours, theirs = found["ours"][name], found["theirs"][name]
        ratio = f"{theirs / ours:>8.1f}" if ours else "       -"
        print(f"{name:<22}{ours:>10}{theirs:>20}{ratio}")
    return 0 if found["ours"]["events"] == found["theirs"]["events"] == args.waits else 1


def measure(who: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one of the two in a process of its own, on a fresh stack."""
    with run_stack("--no-blob") as stack:
        connections = prepare(stack, args.waits)
        stack.admin.record()
        command = [sys.executable, __file__, "--child", who, "--waits", str(args.waits)]
        command += ["--seconds", str(args.seconds), "--poll-interval", str(args.poll_interval)]
        env = {**os.environ, **connections, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
            try:
                counted, ended = observe(process, stack, args.seconds)
            finally:
                process.kill()
    return {**ended, "requests": counted}


def observe(process: subprocess.Popen[str], stack: LocalStack, seconds: float) -> tuple[int, dict[str, Any]]:
    """Count requests while all wait; give the count and what the process says of itself at its end."""
    assert process.stdout is not None
    process.stdout.readline()  # all waits have begun
    time.sleep(seconds)
    stack.admin.record(enabled=False)
    counted = len(stack.admin.requests())
    return counted, json.loads(process.stdout.readline())


def prepare(stack: LocalStack, waits: int) -> dict[str, str]:
    """Make jobs whose tasks wait for a node that never comes, and give the connections of both providers."""
    with batch_client(stack) as batch:
        from azure.batch import models

        image = models.BatchVmImageReference(publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2204")
        machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04")
        batch.create_pool(
            models.BatchPoolCreateOptions(
                id="empty", vm_size="standard_d2s_v5", virtual_machine_configuration=machine, target_dedicated_nodes=0
            )
        )
        mark = [models.BatchMetadataItem(name="aztk_mode", value="cluster")]
        for job in range(JOBS):
            info = models.BatchPoolInfo(pool_id="empty")
            batch.create_job(models.BatchJobCreateOptions(id=f"job-{job}", pool_info=info, metadata=mark))
            tasks = [
                models.BatchTaskCreateOptions(id=f"app-{task}", command_line="true") for task in range(waits // JOBS)
            ]
            for begin in range(0, len(tasks), 100):
                batch.create_task_collection(
                    f"job-{job}", models.BatchTaskGroup(task_values=tasks[begin : begin + 100])
                )
    theirs = {
        "conn_type": "azure_batch",
        "login": stack.batch_account,
        "password": stack.batch_key,
        "extra": {"account_url": stack.batch_endpoint},
    }
    conn = json.loads(stack.airflow_conn)
    conn["extra"] = {**NO_STORAGE, "storage_access_key": stack.batch_key, **(conn.get("extra") or {})}
    return {"AIRFLOW_CONN_AZTK_DEFAULT": json.dumps(conn), "AIRFLOW_CONN_AZURE_BATCH": json.dumps(theirs)}


def batch_client(stack: LocalStack) -> Any:
    """Open Microsoft's own client."""
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    return BatchClient(
        endpoint=stack.batch_endpoint, credential=AzureNamedKeyCredential(stack.batch_account, stack.batch_key)
    )


async def child(args: argparse.Namespace) -> dict[str, Any]:
    """Begin all waits, and say what they cost when the last one has ended."""
    triggers = [make_trigger(args.child, number, args) for number in range(args.waits)]
    ended = 0
    lags: list[float] = []

    async def wait(trigger: Any) -> None:
        nonlocal ended
        async for _ in trigger.run():
            ended += 1
            return

    async def watch_the_loop() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            lags.append(time.monotonic() - before - 0.05)

    clock = asyncio.create_task(watch_the_loop())
    tasks = [asyncio.create_task(wait(trigger)) for trigger in triggers]
    print("begun", flush=True)
    await asyncio.gather(*tasks)
    clock.cancel()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "events": ended,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "memory_mb": round(usage.ru_maxrss / 1024),
        "worst_lag_ms": round(max(lags) * 1000),
    }


def make_trigger(who: str, number: int, args: argparse.Namespace) -> Any:
    """Make one wait."""
    end = time.time() + args.seconds + GRACE
    job, task = f"job-{number % JOBS}", f"app-{number // JOBS}"
    if who == "ours":
        from airflow_provider_aztk.triggers.application import AztkApplicationTrigger

        return AztkApplicationTrigger(
            cluster_id=job,
            application_names=[task],
            aztk_conn_id="aztk_default",
            poll_interval=args.poll_interval,
            deadline=end,
        )
    from airflow.providers.microsoft.azure.triggers.batch import AzureBatchTrigger

    return AzureBatchTrigger(
        job_id=job,
        azure_batch_conn_id="azure_batch",
        end_time=end,
        poll_interval=int(args.poll_interval),
    )


if __name__ == "__main__":
    sys.exit(main())
