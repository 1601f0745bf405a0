"""Says on which executors its tasks ran, and what its arguments are."""

import sys
import time

from pyspark import SparkContext


def where(_: int) -> str:
    import os

    time.sleep(0.5)
    return os.environ["SPARK_LOCAL_IP"]


context = SparkContext(appName="hosts")
nodes, hosts = int(sys.argv[1]), set()
for _ in range(60):
    hosts |= set(context.parallelize(range(4 * nodes), 4 * nodes).map(where).collect())
    if len(hosts) >= nodes:
        break
print(f"Executors on {len(hosts)} hosts; argument: {sys.argv[2]}", flush=True)
context.stop()
