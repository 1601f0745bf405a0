"""Run the pi application through the client on a cluster of two nodes, beside a bare Spark master and worker.

Both run real Spark on this machine. What the client adds is the way through Batch and blobs: downloads to the node,
the gate, the driver's wrapper, the log; and its two cores lie on two workers, so two executors start instead of one
(``--workers 2`` gives the bare side the same). The bare side is ``spark-class`` and ``spark-submit`` as they come.

    python benchmarks/client_pi.py [--parts N] [--runs N] [--workers N]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from _common import print_table, secrets_of

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(__file__).parents[1] / "example_dags" / "apps" / "pi.py"
CLUSTER = "pi"
CORES = 2
RESULT = "Pi is roughly 3.1"
T = TypeVar("T")
_OPTIONS: list[str | Path] = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
_PATIENCE = 300


def main() -> int:
    """Run the benchmark: both stand side by side, and take turns, so that a busy machine hinders both alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=10, help="how much work: parts of 100,000 darts")
    parser.add_argument("--runs", type=int, default=3, help="applications on each side, in turn")
    parser.add_argument("--workers", type=int, choices=(1, CORES), default=1, help="workers of the bare side")
    args = parser.parse_args()
    seconds: dict[str, Phases] = {}
    with run_stack() as stack:
        sides = {"client": client_side(stack, args.parts), "bare": bare_side(args.parts, args.workers)}
        with ExitStack() as all_sides:
            started = []
            for name, side in sides.items():
                closing = all_sides.enter_context(ExitStack())
                took, run = clock(partial(closing.enter_context, side))
                seconds[name] = Phases(start=took)
                started.append((seconds[name], closing, run))
            for number in range(args.runs):
                for phases, _, run in started:
                    phases.applications.append(clock(partial(run, number))[0])
            for phases, closing, _ in started:
                phases.end = clock(closing.close)[0]
    report(seconds["client"], seconds["bare"])
    return 0


@dataclass
class Phases:
    """Seconds of each phase."""

    start: float
    applications: list[float] = field(default_factory=list)
    end: float = 0

    @property
    def total(self) -> float:
        """All phases, with one application."""
        return self.start + median(self.applications) + self.end


def clock(work: Callable[[], T]) -> tuple[float, T]:
    """Do something; give the seconds it took, and its result."""
    begin = time.monotonic()
    result = work()
    return time.monotonic() - begin, result


@contextmanager
def client_side(stack: LocalStack, parts: int) -> Iterator[Callable[[int], None]]:
    """Create a cluster, and delete it; gives what runs an application on it."""
    # The cores that the bare worker has, however many both nodes offer.
    conf = models.ClusterConfiguration(cluster_id=CLUSTER, vm_count=2, default_cores=CORES)
    with Client(secrets_of(stack)) as client:

        def run(number: int) -> None:
            app = models.ApplicationConfiguration(
                name=f"pi-{number}", application=str(PROGRAM), application_args=[str(parts)]
            )
            client.submit(CLUSTER, app)
            done = client.wait_until_application_done(CLUSTER, app.name, timeout=_PATIENCE, poll_interval=0.2)
            assert done.creation_time is not None
            assert done.start_time is not None
            assert done.end_time is not None
            queued, ran = done.start_time - done.creation_time, done.end_time - done.start_time
            print(f"  client: task queued {queued.total_seconds():.1f} s, driver ran {ran.total_seconds():.1f} s")
            log = client.get_application_log(CLUSTER, app.name)
            assert log.exit_code == 0, log.log
            assert RESULT in log.log, log.log

        client.create_cluster(conf, wait=True, timeout=_PATIENCE, poll_interval=0.2)
        yield run
        client.delete_cluster(CLUSTER, wait=True)


@contextmanager
def bare_side(parts: int, workers: int) -> Iterator[Callable[[int], None]]:
    """Start a master and its workers, and stop them; gives what runs an application on them."""
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    home = Path(spec.origin).parent
    with tempfile.TemporaryDirectory() as folder:
        variables = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
        env = {**os.environ, **variables, "SPARK_WORKER_DIR": f"{folder}/work"}
        master = [home / "bin/spark-class", "org.apache.spark.deploy.master.Master", *_OPTIONS]
        with daemon(master, env, Path(folder, "master.log"), r"Starting Spark master at (\S+)") as url:
            worker = [home / "bin/spark-class", "org.apache.spark.deploy.worker.Worker", *_OPTIONS]
            worker += ["--cores", str(CORES // workers), url]

            def run(_: int) -> None:
                command: list[str | Path] = [home / "bin/spark-submit", "--master", url, PROGRAM, str(parts)]
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                assert RESULT in done.stdout, done.stdout

            with ExitStack() as started:
                for number in range(workers):
                    log = Path(folder, f"worker-{number}.log")
                    started.enter_context(daemon(worker, env, log, r"Successfully registered with (master)"))
                yield run


@contextmanager
def daemon(command: list[str | Path], env: dict[str, str], log: Path, sign: str) -> Iterator[str]:
    """Run a daemon of Spark; gives what its log said when it was ready."""
    with log.open("w") as out, subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            end = time.monotonic() + _PATIENCE
            while not (found := re.search(sign, log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            yield found[1]
        finally:
            process.terminate()


def report(client: Phases, bare: Phases) -> None:
    """Print the seconds of each phase and their ratios; of several applications the median."""
    sides = (client, bare)
    phases = {
        "start": [side.start for side in sides],
        f"application, median of {len(client.applications)}": [median(side.applications) for side in sides],
        "end": [side.end for side in sides],
        "total, with one application": [side.total for side in sides],
    }
    rows = [(name, f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}") for name, (a, b) in phases.items()]
    print_table(("seconds", "client", "bare Spark", "ratio"), rows)
    pairs = [a / b for a, b in zip(client.applications, bare.applications, strict=True)]
    print(f"ratio of application time, run by run: {', '.join(f'{pair:.2f}' for pair in pairs)}")


if __name__ == "__main__":
    sys.exit(main())
