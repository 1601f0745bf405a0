"""Run all crash points of all operators, and print a table: ``python -m tests.crash_points``."""

from __future__ import annotations

import logging
import sys
import time

from airflow_provider_aztk.local.testing import run_stack
from tests.crash_points import operators
from tests.crash_points.runner import CrashPoints, Report


def main(names: list[str]) -> int:
    """Run the named operators, or all; return 1 where a point has failed."""
    logging.disable(logging.INFO)  # importing Airflow shows each request
    failed = points = 0
    began = time.monotonic()
    print(Report.heading())
    with run_stack("--fake-spark") as stack:
        all_points = CrashPoints(stack)
        for operator in names or list(operators.OPERATORS):
            for deferrable in (False, True):
                report = all_points.run(operator, deferrable=deferrable, choose=lambda found: found)
                print(report, flush=True)
                failed += len(report.failed)
                points += report.points
        all_points.close()
    print(
        f"{points} crash points, {failed} failed, in {time.monotonic() - began:.0f} s; nothing is left in the account"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
