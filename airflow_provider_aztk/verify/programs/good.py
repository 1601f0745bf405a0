"""Count on all executors, and say where they are; ends with 0. Without Spark's context it counts here."""

from __future__ import annotations

import json
import os
import socket
import time

PARTS = 8


def place(part: int) -> str:
    """Return where a part is counted."""
    time.sleep(0.2)
    return socket.gethostname()


def main() -> None:
    """Run the application."""
    hosts = [place(0)]
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # set by spark-submit; the stand-in of the local stack has none
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.getOrCreate()
        hosts = spark.sparkContext.parallelize(range(PARTS), PARTS).map(place).collect()
        spark.stop()
    print("aztk-verify", json.dumps({"parts": len(hosts), "hosts": len(set(hosts))}), flush=True)


if __name__ == "__main__":
    main()
