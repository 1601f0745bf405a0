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
from typing import TYPE_CHECKING

from _common import NEVER, ORIGINAL_SUBMIT, by_service, counting, print_table, secrets_of

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=50, help="how many are submitted one at a time")
    args = parser.parse_args()
    count, sample = args.applications, min(args.sample, args.applications)
    with tempfile.TemporaryDirectory() as folder, run_stack("--stand-in-spark") as stack:
        stack.admin.delays(allocation=NEVER)
        program = Path(folder) / "program.py"
        program.write_text("print('never runs')\n")
        with Client(secrets_of(stack)) as client:
            together = measure(
                client, stack, "together", lambda: client.submit_all_applications("together", apps(program, count))
            )
            single = measure(
                client, stack, "single", lambda: [client.submit("single", app) for app in apps(program, sample)]
            )
    report(count, sample, together, single)
    return 0


def apps(program: Path, count: int) -> list[models.ApplicationConfiguration]:
    """Make applications of one program."""
    return [
        models.ApplicationConfiguration(name=f"app-{n:05d}", application=str(program), application_args=[str(n)])
        for n in range(count)
    ]


def measure(
    client: Client, stack: LocalStack, cluster_id: str, submit: Callable[[], object]
) -> tuple[int, int, float, int]:
    """Submit to a new cluster; give requests to Batch and blobs, seconds, and what the service has then."""
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    with counting(stack) as requests:
        begin = time.monotonic()
        submit()
        seconds = time.monotonic() - begin
    present = len(client.list_cluster_applications(cluster_id))
    client.delete_cluster(cluster_id)
    return *by_service(requests), seconds, present


def report(count: int, sample: int, together: tuple[int, int, float, int], single: tuple[int, int, float, int]) -> None:
    """Print both, scaled to the same number, and their ratios."""
    assert (together[3], single[3]) == (count, sample), "applications are missing"
    batch, blob, seconds = (part * count / sample for part in single[:3])
    original = ORIGINAL_SUBMIT * count
    rows = [
        ("submit_all_applications", together[0], together[1], sum(together[:2]), f"{together[2]:.1f}"),
        (f"submit, x{count / sample:g} of {sample}", round(batch), round(blob), round(batch + blob), f"{seconds:.1f}"),
        ("the original AZTK, documented", "", "", original, ""),
    ]
    print_table((f"{count} applications", "Batch", "blob", "requests", "seconds"), rows)
    print(f"requests for each application: {sum(together[:2]) / count:.2f}")
    print(f"ratio, one at a time to together: requests {(batch + blob) / sum(together[:2]):.1f}", end=", ")
    print(f"seconds {seconds / together[2]:.1f}")
    print(f"ratio, original to together: requests {original / sum(together[:2]):.1f}")
    print(f"ratio, original to one at a time: requests {original / (batch + blob):.2f}")


if __name__ == "__main__":
    sys.exit(main())
