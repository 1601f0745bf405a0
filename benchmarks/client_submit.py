"""Submit 1,000 applications: all together, beside one at a time, beside the original's 9 requests for each.

The cluster gets no node, so nothing runs and only the submission is measured. Each application has arguments of its
own and they share one program, as generated work does. One at a time is measured on a sample and scaled up.

    python benchmarks/client_submit.py [--applications N] [--sample N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from _common import NEVER, ORIGINAL_SUBMIT, by_service, counting, print_table, secrets_of

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Apps = Sequence[models.ApplicationConfiguration]


class Result(NamedTuple):
    """What submitting took."""

    applications: int
    batch: int
    blob: int
    seconds: float


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=50, help="how many are submitted one at a time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_stack("--fake-spark") as stack:
        stack.admin.delays(allocation=NEVER)
        program = Path(folder) / "program.py"
        program.write_text("print('never runs')\n")
        apps = [
            models.ApplicationConfiguration(name=f"app-{n:05d}", application=str(program), application_args=[str(n)])
            for n in range(args.applications)
        ]
        together = measure(stack, Client.submit_all_applications, apps)
        single = measure(stack, one_by_one, apps[: args.sample])
    report(together, single)
    return 0


def one_by_one(client: Client, cluster_id: str, apps: Apps) -> None:
    """Submit each in a call of its own."""
    for app in apps:
        client.submit(cluster_id, app)


def measure(stack: LocalStack, submit: Callable[[Client, str, Apps], None], apps: Apps) -> Result:
    """Submit to a new cluster, and delete it."""
    with Client(secrets_of(stack)) as client:
        client.create_cluster(models.ClusterConfiguration(cluster_id="bench", vm_count=1))
        with counting(stack) as requests:
            begin = time.monotonic()
            submit(client, "bench", apps)
            seconds = time.monotonic() - begin
        present = len(client.list_cluster_applications("bench"))
        assert present == len(apps), f"{present} of {len(apps)} applications are there"
        client.delete_cluster("bench", wait=True)
    return Result(len(apps), *by_service(requests), seconds)


def report(together: Result, single: Result) -> None:
    """Print both, scaled to the same number, and their ratios."""
    count, factor = together.applications, together.applications / single.applications
    batch, blob, seconds = (part * factor for part in single[1:])
    requests = together.batch + together.blob
    original = ORIGINAL_SUBMIT * count
    rows = [
        ("submit_all_applications", together.batch, together.blob, requests, f"{together.seconds:.1f}"),
        (
            f"submit, {factor:g} times {single.applications}",
            round(batch),
            round(blob),
            round(batch + blob),
            f"{seconds:.1f}",
        ),
        ("the original AZTK, as documented", "", "", original, ""),
    ]
    print_table((f"{count} applications", "Batch", "blob", "requests", "seconds"), rows)
    print(f"requests for each application: {requests / count:.2f}")
    print(f"ratio, one at a time to together: requests {(batch + blob) / requests:.1f}", end=", ")
    print(f"seconds {seconds / together.seconds:.1f}")
    print(f"ratio, original to together: requests {original / requests:.1f}")
    print(f"ratio, original to one at a time: requests {original / (batch + blob):.2f}")


if __name__ == "__main__":
    sys.exit(main())
