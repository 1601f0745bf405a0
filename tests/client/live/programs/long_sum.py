"""Adds up numbers for about as many seconds as it is told, and says so when the first ones are done."""

import sys
import time
from operator import add

from pyspark import SparkContext

context = SparkContext(appName="long_sum")
parts = 2 * int(sys.argv[1])
print("begin", flush=True)
total = context.parallelize(range(parts), parts).map(lambda x: (time.sleep(1), x)[1]).reduce(add)
print(f"Sum of {parts} parts is {total}", flush=True)
context.stop()
