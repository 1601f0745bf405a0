"""Create 20 clusters in parallel, beside one: seconds until all are ready, and requests.

The clusters have one node and the light stand-in for Spark. Here all their nodes share this machine's processors, so
the seconds of many clusters contain starting that many masters on it; the requests are those of real Azure.

    python benchmarks/client_clusters.py [--clusters N]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import NamedTuple

from _common import by_service, counting, print_table, secrets_of

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack

POLL_INTERVAL = 1.0
TIMEOUT = 300


class Result(NamedTuple):
    """What creating some clusters took."""

    clusters: int
    created: float  # seconds until all calls had returned
    ready: float  # seconds until all were ready
    create_requests: tuple[int, int]
    wait_requests: tuple[int, int]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=20)
    args = parser.parse_args()
    with run_stack("--fake-spark") as stack:
        create(stack, ["warm-up"])
        one = create(stack, ["one"])
        many = create(stack, [f"many-{number}" for number in range(args.clusters)])
    report(one, many)
    return 0


def create(stack: LocalStack, ids: list[str]) -> Result:
    """Create clusters, wait until all are ready, and delete them."""
    confs = [models.ClusterConfiguration(cluster_id=id, vm_count=1) for id in ids]
    with Client(secrets_of(stack)) as client:
        begin = time.monotonic()
        with counting(stack) as creating:
            client.create_clusters_in_parallel(confs)
        created = time.monotonic() - begin
        with counting(stack) as waiting:
            client.wait_until_all_clusters_are_ready(ids, timeout=TIMEOUT, poll_interval=POLL_INTERVAL)
        ready = time.monotonic() - begin
        for id in ids:
            client.delete_cluster(id)
        for id in ids:
            client.delete_cluster(id, wait=True)
    return Result(len(ids), created, ready, by_service(creating), by_service(waiting))


def report(one: Result, many: Result) -> None:
    """Print both and their ratios."""
    rows = [
        (
            r.clusters,
            f"{r.created:.1f}",
            f"{r.ready:.1f}",
            f"{r.create_requests[0] / r.clusters:.1f}",
            f"{r.create_requests[1] / r.clusters:.1f}",
            f"{sum(r.wait_requests) / r.clusters:.1f}",
        )
        for r in (one, many)
    ]
    header = ("clusters", "s created", "s ready", "Batch each", "blob each", "waiting each")
    print_table(header, rows)
    n = many.clusters
    print(f"ratio, {n} clusters to one, {os.cpu_count()} processors: seconds until ready {many.ready / one.ready:.1f},")
    print(f"  seconds until created {many.created / one.created:.1f} (one after the other it would be {n})")
    each = sum(many.create_requests) / n / sum(one.create_requests)
    print(f"ratio, requests to create each of {n} to requests for one: {each:.2f}")


if __name__ == "__main__":
    sys.exit(main())
