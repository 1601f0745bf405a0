"""What our operators, sensors and triggers add to the parsing of a DAG, beside Airflow's own AzureBatchOperator.

Each measurement is a fresh interpreter that has ``airflow.sdk`` loaded already, in CPU time, so that what else the
machine does counts little. Prints both medians and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

OURS = (
    "airflow_provider_aztk.operators.application",
    "airflow_provider_aztk.operators.cluster",
    "airflow_provider_aztk.operators.job",
    "airflow_provider_aztk.operators.reap",
    "airflow_provider_aztk.sensors.application",
    "airflow_provider_aztk.sensors.cluster",
    "airflow_provider_aztk.sensors.job",
    "airflow_provider_aztk.task_groups.cluster",
    "airflow_provider_aztk.triggers.application",
    "airflow_provider_aztk.triggers.cluster",
    "airflow_provider_aztk.triggers.deletion",
    "airflow_provider_aztk.triggers.job",
)
THEIRS = ("airflow.providers.microsoft.azure.operators.batch",)
FORBIDDEN = ("azure", "airflow.models", "airflow_provider_aztk.client")

CODE = """
import importlib, json, sys, time
from airflow.sdk import DAG, BaseOperator
before = set(sys.modules)
began = time.process_time()
for name in {names!r}:
    importlib.import_module(name)
took = time.process_time() - began
new = set(sys.modules) - before
bad = sorted(m for m in new for f in {forbidden!r} if m == f or m.startswith(f + "."))
print(json.dumps({{"ms": took * 1000, "new": len(new), "bad": bad}}))
"""


def measure(names: tuple[str, ...], runs: int) -> tuple[float, int, list[str]]:
    """Give the median in milliseconds, how many modules were loaded, and which of them should not have been."""
    results = []
    for _ in range(runs):
        code = CODE.format(names=names, forbidden=FORBIDDEN)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return statistics.median(r["ms"] for r in results), results[0]["new"], results[0]["bad"]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--ours-only", action="store_true")
    args = parser.parse_args()
    ours, ours_new, bad = measure(OURS, args.runs)
    found: dict[str, object] = {"ours_ms": round(ours, 1), "ours_new": ours_new, "forbidden": bad, "modules": OURS}
    if not args.ours_only:
        theirs, theirs_new, _ = measure(THEIRS, args.runs)
        found |= {"theirs_ms": round(theirs, 1), "theirs_new": theirs_new, "ratio": round(theirs / ours, 1)}
    if args.json:
        print(json.dumps(found))
        return 0
    print(f"all of ours                  {ours:8.1f} ms, {ours_new} modules; not allowed among them: {bad or 'none'}")
    if not args.ours_only:
        print(f"AzureBatchOperator alone     {found['theirs_ms']:8} ms, {found['theirs_new']} modules")
        print(f"ratio: {found['ratio']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
