"""Wait for 1,000 applications on 10 clusters through one shared watcher, beside one ``get_application`` for each wait.

Both poll every 5 seconds until their application has ended; the applications are simulated tasks that end one after
the other within 30 seconds. Each way runs in a process of its own, with one client, and its waits begin spread over
one interval, as those of triggers do. Requests are counted in that process, where they leave it.

    python benchmarks/client_waits.py [--waits N] [--clusters N] [--seconds N] [--poll N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from _common import print_table, secrets_of
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential

from airflow_provider_aztk.client import AsyncClient, SharedPoller, _naming, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

_TICK = 0.01  # seconds between two looks at the event loop
_NODES, _SLOTS = 8, 256


@dataclass(frozen=True)
class Plan:
    """What is waited for: ``waits`` applications, spread over ``clusters``, that end within ``seconds``."""

    waits: int
    clusters: int
    seconds: float
    poll: float

    def application(self, number: int) -> tuple[str, str]:
        """Give the cluster and the name of an application."""
        return f"cluster-{number % self.clusters}", f"app-{number:05d}"

    def length(self, number: int) -> float:
        """Give the seconds until an application ends."""
        return 1 + (self.seconds - 1) * number / self.waits


def main() -> int:
    """Run the benchmark, or wait in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waits", type=int, default=1000)
    parser.add_argument("--clusters", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--poll", type=float, default=5)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    plan = Plan(args.waits, args.clusters, args.seconds, args.poll)
    if args.way:
        asyncio.run(child(args.way, plan))
        return 0
    results = {}
    with run_stack("--no-blob") as stack:
        credential = AzureNamedKeyCredential(stack.batch_account, stack.batch_key)
        with BatchClient(stack.batch_endpoint, credential) as client:
            make_pool(client)
            for way in WAYS:
                results[way] = run(client, stack, way, plan)
    report(plan, results)
    return 0


def make_pool(client: BatchClient) -> None:
    """Make a pool on which all simulated tasks run at once."""
    machine = m.VirtualMachineConfiguration(
        image_reference=m.BatchVmImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server"),
        node_agent_sku_id="batch.node.ubuntu 24.04",
    )
    client.create_pool(
        m.BatchPoolCreateOptions(
            id="bench",
            vm_size="standard_d64s_v5",
            virtual_machine_configuration=machine,
            target_dedicated_nodes=_NODES,
            task_slots_per_node=_SLOTS,
        )
    )


def run(client: BatchClient, stack: LocalStack, way: str, plan: Plan) -> dict[str, float]:
    """Let a process of its own wait in one way."""
    arguments = [f"--{name}={value}" for name, value in asdict(plan).items()]
    command = [sys.executable, __file__, f"--way={way}", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        secrets = secrets_of(stack, storage_service_url=stack.batch_endpoint, storage_account_name="none")
        process.stdin.write(json.dumps(secrets.to_dict()) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        submit(client, plan)
        process.stdin.write("go\n")
        process.stdin.flush()
        result: dict[str, float] = json.loads(process.stdout.readline())
    for number in range(plan.clusters):
        client.begin_delete_job(f"cluster-{number}", polling_interval=1).result()
    return result


def submit(client: BatchClient, plan: Plan) -> None:
    """Make Batch jobs that look like clusters, with their applications as simulated tasks."""
    metadata = [m.BatchMetadataItem(item) for item in _naming.to_metadata({_naming.MODE: _naming.MODE_CLUSTER})]
    tasks: dict[str, list[m.BatchTaskCreateOptions]] = {}
    for number in range(plan.waits):
        cluster, name = plan.application(number)
        simulate = m.EnvironmentSetting(name="AZTK_LOCAL_SIMULATE", value=json.dumps({"seconds": plan.length(number)}))
        task = m.BatchTaskCreateOptions(id=name, command_line="-", environment_settings=[simulate])
        tasks.setdefault(cluster, []).append(task)
    for cluster, group in tasks.items():
        pool = m.BatchPoolInfo(pool_id="bench")
        client.create_job(m.BatchJobCreateOptions(id=cluster, pool_info=pool, metadata=metadata))
        client.create_tasks(cluster, group)


async def one_by_one(client: AsyncClient, cluster: str, name: str, poll: float) -> None:
    """Ask for one application until it has ended."""
    while not (await client.get_application(cluster, name)).state.is_terminal:  # noqa: ASYNC110 - that is the point
        await asyncio.sleep(poll)


async def watched(client: AsyncClient, cluster: str, name: str, poll: float) -> None:
    """Take part in the looks of all."""
    watcher = SharedPoller.shared("benchmark", lambda: client)
    async with aclosing(watcher.watch(cluster, poll_interval=poll)) as views:
        async for view in views:
            application = view.application(name)
            if application is not None and application.state.is_terminal:
                return


WAYS: dict[str, Callable[[AsyncClient, str, str, float], Coroutine[Any, Any, None]]] = {
    "get_application for each": one_by_one,
    "SharedPoller.shared": watched,
}


async def child(way: str, plan: Plan) -> None:
    """Wait in one way, and print what it took."""
    client = AsyncClient(models.SecretsConfiguration.from_dict(json.loads(sys.stdin.readline())))
    await client.batch_jobs(["none"])  # imports and the first connection are not what is measured
    print("ready", flush=True)
    assert await asyncio.to_thread(sys.stdin.readline) == "go\n"
    requests = count_requests()
    time_steps()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, begin = time.process_time(), time.monotonic()
    dice = random.Random(1)

    async def wait(number: int) -> None:
        await asyncio.sleep(dice.random() * plan.poll)
        await WAYS[way](client, *plan.application(number), plan.poll)

    ticking = asyncio.create_task(ticks())
    await asyncio.gather(*(wait(number) for number in range(plan.waits)))
    result = {
        "requests": next(requests),
        "cpu": time.process_time() - cpu,
        "seconds": time.monotonic() - begin,
        "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
    }
    ticking.cancel()
    result |= {"lag": max(LAGS), "step": max(STEPS)}
    await client.close()
    print(json.dumps(result), flush=True)


LAGS = [0.0]
STEPS = [0.0]


async def ticks() -> None:
    """Note by how much the event loop is late, again and again."""
    while True:
        begin = time.monotonic()
        await asyncio.sleep(_TICK)
        LAGS.append(time.monotonic() - begin - _TICK)


def time_steps() -> None:
    """Note the CPU time of each step of the event loop: what a lag is made of, without other processes' part."""
    original = asyncio.Handle._run

    def run(self: asyncio.Handle) -> None:
        begin = time.thread_time()
        original(self)
        STEPS.append(time.thread_time() - begin)

    asyncio.Handle._run = run  # type: ignore[method-assign]


def count_requests() -> Iterator[int]:
    """Count the requests that leave from now on; gives their number so far."""
    count = 0
    original = aiohttp.ClientSession._request

    async def request(self: aiohttp.ClientSession, *args: Any, **kwargs: Any) -> aiohttp.ClientResponse:
        nonlocal count
        count += 1
        return await original(self, *args, **kwargs)

    aiohttp.ClientSession._request = request  # type: ignore[method-assign]
    return iter(lambda: count, None)


def report(plan: Plan, results: dict[str, dict[str, float]]) -> None:
    """Print both ways and their ratios."""
    rows = [
        (
            way,
            round(r["requests"]),
            f"{r['cpu']:.2f}",
            f"{r['kilobytes'] / 1024:.1f}",
            f"{r['lag'] * 1000:.0f}",
            f"{r['step'] * 1000:.0f}",
            f"{r['seconds']:.0f}",
        )
        for way, r in results.items()
    ]
    title = f"{plan.waits} waits on {plan.clusters} clusters"
    print_table((title, "requests", "CPU s", "MiB more", "worst lag ms", "longest step, CPU ms", "seconds"), rows)
    each, shared = (results[way] for way in WAYS)
    names = {"requests": "requests", "cpu": "CPU", "kilobytes": "memory", "lag": "worst lag", "step": "longest step"}
    ratios = [f"{title} {each[name] / max(shared[name], 1e-9):.1f}" for name, title in names.items()]
    print("ratio, each to shared: " + ", ".join(ratios))


if __name__ == "__main__":
    sys.exit(main())
