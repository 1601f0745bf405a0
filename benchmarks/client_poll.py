"""One poll of 20 jobs through the shared poller's list, in an account without other jobs, and in one with 5,000.

The other jobs look like clusters that have been there for long: each has a job manager task with its environment and
resource files. What a poll costs is to be the same in both; the last line is the ratio of CPU seconds, and the first
rows say what the list of all jobs costs, as it was asked for before.

    python benchmarks/client_poll.py [--jobs N] [--others N] [--polls N]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from _common import print_table, secrets_of

from airflow_provider_aztk.client import AsyncClient, _naming
from airflow_provider_aztk.client._azure import batch
from airflow_provider_aztk.client._methods import async_method
from airflow_provider_aztk.concurrency import for_each_async
from airflow_provider_aztk.local.testing import run_stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable


class BenchmarkClient(AsyncClient):
    """A client that also sends what only this benchmark asks for."""

    create_batch_job = async_method(batch.create_job)
    all_jobs = async_method(batch.list_jobs)


def body(id: str) -> dict[str, Any]:
    """Describe a Batch job that looks like a cluster."""
    files = [{"httpUrl": f"https://store.blob.core.windows.net/c/{n}", "filePath": str(n)} for n in range(3)]
    manager = {"id": "aztk-master", "commandLine": "true", "resourceFiles": files}
    metadata = _naming.to_metadata({_naming.MODE: _naming.MODE_CLUSTER, _naming.CLUSTER_ID: id})
    return {"id": id, "metadata": metadata, "poolInfo": {"poolId": "none"}, "jobManagerTask": manager}


async def make(client: BenchmarkClient, ids: Iterable[str]) -> None:
    """Make jobs; they wait for a pool that does not exist."""
    await for_each_async(lambda id: client.create_batch_job(body(id)), list(ids))


async def measure(polls: int, poll: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Return CPU seconds and seconds of one poll; the quickest of several counts."""
    found = []
    for _ in range(polls):
        cpu, begin = time.process_time(), time.monotonic()
        await poll()
        found.append((time.process_time() - cpu, time.monotonic() - begin))
    return min(found)


async def run(client: BenchmarkClient, args: argparse.Namespace) -> None:
    """Measure both lists before and after the other jobs came."""
    ids = [f"cluster-of-a-dag-run-{number:03}" for number in range(args.jobs)]
    await make(client, ids)
    rows, cpus = [], {}
    for others in (0, args.others):
        if others:
            await make(client, (f"other-{number:05}" for number in range(others)))
        for name, poll in (("all jobs", client.all_jobs), ("jobs by their ids", lambda: client.batch_jobs(ids))):
            cpu, seconds = await measure(args.polls, poll)
            cpus[name, others] = cpu
            rows.append((name, others, f"{cpu * 1000:.1f}", f"{seconds * 1000:.0f}"))
    print_table((f"one poll of {args.jobs} jobs", "other jobs", "CPU ms", "ms"), rows)
    for name in ("all jobs", "jobs by their ids"):
        print(f"ratio of CPU, {args.others} other jobs to none, {name}: {cpus[name, args.others] / cpus[name, 0]:.1f}")


async def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--others", type=int, default=5000)
    parser.add_argument("--polls", type=int, default=5)
    args = parser.parse_args()
    with run_stack("--no-blob", "--no-spark") as stack:
        secrets = secrets_of(
            stack,
            storage_service_url=stack.batch_endpoint,
            storage_account_name="none",
            storage_account_key=stack.batch_key,
        )
        async with BenchmarkClient(secrets) as client:
            await run(client, args)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
