"""Estimate pi with Spark, by throwing darts at a square.

Arguments: how many parts to cut the work into (default 10); ``--fail CODE`` ends with that exit code instead.
"""

from __future__ import annotations

import argparse
import random
import sys
from operator import add

from pyspark.sql import SparkSession

DARTS_EACH = 100_000


def hits(part: int) -> int:
    """Count the darts of one part that land inside of the circle."""
    dice = random.Random(part)
    return sum(dice.random() ** 2 + dice.random() ** 2 <= 1 for _ in range(DARTS_EACH))


def main() -> int:
    """Run the estimate on the cluster."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", type=int, nargs="?", default=10)
    parser.add_argument("--fail", type=int)
    args = parser.parse_args()
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    print(f"Throwing {args.parts * DARTS_EACH:,} darts in {args.parts} parts", flush=True)
    count = spark.sparkContext.parallelize(range(args.parts), args.parts).map(hits).reduce(add)
    print(f"Pi is roughly {4.0 * count / (args.parts * DARTS_EACH):.6f}", flush=True)
    spark.stop()
    if args.fail is not None:
        print(f"Ending with exit code {args.fail}, as asked", flush=True)
        return args.fail
    return 0


if __name__ == "__main__":
    sys.exit(main())
