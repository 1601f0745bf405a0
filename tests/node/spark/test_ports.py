"""Real Spark with ports that the user gives, and ports that nodes on one machine would fight for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.node import contract, machine
from airflow_provider_aztk.node.spark import web
from tests.node.harness import new_address

if TYPE_CHECKING:
    from pathlib import Path

    from tests.node.harness import FakeBatch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE = 240
DYNAMIC = """
spark.shuffle.service.enabled true
spark.dynamicAllocation.enabled true
spark.dynamicAllocation.minExecutors 2
spark.dynamicAllocation.executorIdleTimeout 5s
spark.executor.cores 1
spark.cores.max 2
"""
SHUFFLE = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
pairs = spark.sparkContext.parallelize(range(2000), 8).map(lambda n: (n % 7, 1)).reduceByKey(lambda a, b: a + b, 4)
print("SUM", sum(count for _, count in pairs.collect()))
hosts = spark.sparkContext.parallelize(range(64), 16).map(lambda n: __import__("os").environ["SPARK_LOCAL_IP"])
print("HOSTS", len(set(hosts.collect())))
spark.stop()
"""


@pytest.mark.parametrize("port", ["", "spark.shuffle.service.port 7447\n"])
def test_two_nodes_on_one_machine_both_have_a_shuffle_service(
    spark_cluster: FakeBatch, tmp_path: Path, port: str
) -> None:
    spark_cluster.define(nodes=2)
    spark_cluster.put("node/conf/spark-defaults.conf", (DYNAMIC + port).encode())
    master = spark_cluster.start("master", contract.MASTER_TASK_ID)
    spark_cluster.start("worker", contract.worker_task_id(1))
    where = spark_cluster.wait_for_master(PATIENCE)

    def both() -> bool:
        view = web.read_master(where["host"], where["web_port"])
        return view is not None and view.live_workers == 2

    spark_cluster.wait_for(both, PATIENCE, "two workers")
    program = tmp_path / "shuffle.py"
    program.write_text(SHUFFLE)
    spark_cluster.submit("app", program)
    assert spark_cluster.start("driver", "app").wait(PATIENCE) == 0, spark_cluster.log("app").decode()
    log = spark_cluster.log("app")
    assert b"SUM 2000" in log
    assert b"Failed to connect to external shuffle server" not in log
    assert master.process.poll() is None


def test_ports_and_sizes_of_spark_env_and_properties_are_used(spark_cluster: FakeBatch) -> None:
    host = new_address()
    ports = [machine.free_port(host) for _ in range(5)]
    worker_web, worker_port, master_port, master_web, other = map(str, ports)
    script = [
        "SPARK_WORKER_CORES=1",
        "export SPARK_WORKER_MEMORY=600m",
        f"SPARK_WORKER_PORT={worker_port}",
        f"SPARK_MASTER_PORT=$(( {master_port} ))",
        f"SPARK_MASTER_OPTS=-Dspark.master.ui.port={master_web}",
        f"SPARK_WORKER_WEBUI_PORT={other}",
    ]
    spark_cluster.define()
    spark_cluster.put("node/conf/spark-env.sh", "\n".join(script).encode())
    spark_cluster.put("node/conf/spark-defaults.conf", f"spark.worker.ui.port {worker_web}\n".encode())
    spark_cluster.start("master", contract.MASTER_TASK_ID, host=host)
    where = spark_cluster.wait_for_master(PATIENCE)
    assert (where["port"], where["web_port"]) == (int(master_port), int(master_web))
    view = web.read_master(host, where["web_port"])
    assert view is not None
    (worker,) = view.workers
    assert (worker.cores, worker.memory_mb, worker.port) == (1, 600, int(worker_port))
    assert machine.answers(host, int(worker_web))


def test_an_executor_that_no_worker_can_hold_ends_the_application(spark_cluster: FakeBatch, tmp_path: Path) -> None:
    spark_cluster.define()
    spark_cluster.start("master", contract.MASTER_TASK_ID)
    spark_cluster.wait_for_master(PATIENCE)
    program = tmp_path / "app.py"
    program.write_text(SHUFFLE)
    spark_cluster.submit("app", program, executor_memory="400g", executor_timeout_seconds=5)
    assert spark_cluster.start("driver", "app").wait(PATIENCE) == contract.EXIT_NO_EXECUTOR
    assert b"it asks for 400 GiB of memory an executor" in spark_cluster.log("app")
