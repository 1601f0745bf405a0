"""Real Spark under the node code: what only it can show."""

from __future__ import annotations

import base64
import os
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.logs.causes import find_cause
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.process.private_files import PrivateFiles
from airflow_provider_aztk.node.spark import properties, web
from tests.node.harness import LIGHT_JVM, probe_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.node.harness import FakeBatch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE = 240  # s; other tests may have the machine's cores

# A program that gives a file of properties back as Java reads it.
READER = """
import java.io.*; import java.nio.charset.StandardCharsets; import java.util.*;
class Reader { public static void main(String[] args) throws Exception {
  Properties read = new Properties();
  read.load(new InputStreamReader(new FileInputStream(args[0]), StandardCharsets.UTF_8));
  PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  for (String name : read.stringPropertyNames())
    for (String text : new String[] {name, read.getProperty(name)})
      out.println(Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8)));
} }
"""

PI = """
import sys
from random import random
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("pi").getOrCreate()
n = 20_000
inside = spark.sparkContext.parallelize(range(n), 4).map(lambda _: random() ** 2 + random() ** 2 < 1).sum()
print(f"Pi is roughly {4 * inside / n}", sys.argv[1:])
"""

# Needs the requirements where the executors are, and the secret where the driver is.
MORE = """
def probe(_):
    import aztk_probe
    return aztk_probe.WORD

print("WORDS", set(spark.sparkContext.parallelize(range(4), 4).map(probe).collect()))
print("SECRET LENGTH", len(spark.sparkContext.getConf().get("spark.hadoop.fs.azure.account.key.x")))
spark.stop()
"""

# Says each round how many executors answered, until the file that it is told of exists.
ROUNDS = """
import os, socket, sys, time
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("rounds").getOrCreate()
sc = spark.sparkContext
done = 0
while not os.path.exists(sys.argv[1]):
    done += sc.parallelize(range(8), 4).map(lambda n: (time.sleep(0.05), 1)[1]).sum()
    print("ROUND", done, flush=True)
    time.sleep(0.5)
print("FINISHED")
"""


def rounds(cluster: FakeBatch, name: str) -> int:
    """Count the rounds that a driver has said."""
    return cluster.log(name).count(b"ROUND")


def test_pi_on_a_master_and_a_worker_with_all_arguments_intact(spark_cluster: FakeBatch, tmp_path: Path) -> None:
    program = tmp_path / "pi with é.py"
    program.write_text(PI + MORE)
    args = ["a b", "", "$HOME", "\"q\" 'r'", "ünï😀", "new\nline", "*", "--x=1", "back\\slash"]
    spark_cluster.define(nodes=2)
    master = spark_cluster.start("master", contract.MASTER_TASK_ID)
    spark_cluster.start("worker", contract.worker_task_id(1))
    assert spark_cluster.start("gate", contract.GATE_TASK_ID).wait() == 0
    ready = spark_cluster.wait_for_master(PATIENCE)
    assert ready["host"] == master.host
    assert ready["url"] == f"spark://{master.host}:7077"
    secret = {"conf": {"spark.hadoop.fs.azure.account.key.x": "s" * 37}, "env": {}}
    spark_cluster.put_json(contract.ApplicationBlobs("pi").secrets, secret)
    listed = tmp_path / "requirements.txt"
    listed.write_text(f"--no-index\n{probe_wheel(tmp_path)}\n")
    spark_cluster.submit("pi", program, args=args, requirements=spark_cluster.upload(listed))
    driver = spark_cluster.start("driver", "pi")
    assert driver.wait(PATIENCE) == 0, driver.output
    log = spark_cluster.log("pi")
    assert b"Pi is roughly 3." in log
    assert repr(args).encode() in log
    assert b"WORDS {'installed'}" in log
    assert b"SECRET LENGTH 37" in log
    assert b"s" * 37 not in log
    assert log == driver.stdout
    assert master.terminate() == 143


FILES = """
import os
from pyspark import SparkFiles
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
read = lambda _: open("data.csv").read()
print("DRIVER", open("data.csv").read(), open(SparkFiles.get("data.csv")).read(), read(0))
print("EXECUTORS", set(spark.sparkContext.parallelize(range(2), 2).map(read).collect()))
print("NAME", spark.sparkContext.appName)
spark._jvm.org.apache.logging.log4j.LogManager.getLogger("mine").warn("said by log4j")


def parse(number):
    raise ValueError(f"bad record {number}")


spark.sparkContext.parallelize([7], 1).map(parse).collect()
"""
LOG4J = """
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = MY-PATTERN %p %c %m%n
"""


def test_files_stand_in_the_working_directories_and_log4j_reads_them(spark_cluster: FakeBatch, tmp_path: Path) -> None:
    cluster = spark_cluster
    cluster.start("master", contract.MASTER_TASK_ID)
    cluster.wait_for_master(PATIENCE)
    for name, text in (("data.csv", "1,2"), ("log4j2.properties", LOG4J), ("files.py", FILES)):
        (tmp_path / name).write_text(text)
    files = [cluster.upload(tmp_path / name) for name in ("data.csv", "log4j2.properties")]
    options = "-Dlog4j2.configurationFile=log4j2.properties -XX:TieredStopAtLevel=1"
    cluster.submit("my-app", tmp_path / "files.py", files=files, driver_java_options=options)
    assert cluster.start("driver", "my-app").wait(PATIENCE) == 1
    log = cluster.log("my-app").decode()
    assert "DRIVER 1,2 1,2 1,2" in log
    assert "EXECUTORS {'1,2'}" in log
    assert "NAME my-app" in log
    assert "MY-PATTERN WARN mine said by log4j" in log
    cause = find_cause(log.splitlines(), 1)
    assert cause is not None
    assert (cause.error, cause.where[:20]) == ("ValueError: bad record 7", "files.py, line 15, i")


def test_java_reads_the_properties_that_we_write(tmp_path: Path) -> None:
    values = {
        "plain": "1",
        " key :=#!\\": " leading, trailing \\ = : # ! ",
        "#comment": "not one",
        "ünï😀": "tab\t new\nline\r\f \x00 ünï😀 \\u0041",
        "empty": "",
    }
    private = PrivateFiles(str(tmp_path))
    reader = tmp_path / "Reader.java"
    reader.write_text(READER)
    path = private.write("p", properties.dump(values))
    answer = subprocess.run(["java", str(reader), path], capture_output=True, check=True, timeout=120)
    texts = [base64.b64decode(line).decode() for line in answer.stdout.split(b"\n")]
    assert dict(zip(texts[::2], texts[1::2], strict=False)) == values


def test_a_driver_without_the_secret_is_refused(spark_cluster: FakeBatch, tmp_path: Path, real_spark: Path) -> None:
    spark_cluster.define(worker_on_master=False)
    spark_cluster.start("master", contract.MASTER_TASK_ID)
    where = spark_cluster.wait_for_master(PATIENCE)
    program = tmp_path / "pi.py"
    program.write_text(PI)
    address = {"SPARK_LOCAL_IP": where["host"], "SPARK_HOME": str(real_spark)}
    command = [str(real_spark / "bin" / "spark-submit"), "--master", where["url"], str(program)]
    said = tmp_path / "stranger.txt"
    with said.open("wb") as out:
        stranger = subprocess.Popen(command, env={**os.environ, **address, **LIGHT_JVM}, stdout=out, stderr=out)
    try:
        # Spark would try for a minute before it gives up; that it is refused shows at once.
        spark_cluster.wait_for(lambda: b"Failed to connect to master" in said.read_bytes(), PATIENCE, "the refusal")
        view = web.read_master(where["host"], where["web_port"])
        assert view is not None
        assert view.alive
        assert not view.applications
        assert b"Pi is" not in said.read_bytes()
    finally:
        stranger.kill()
        stranger.wait()


def test_an_application_survives_the_loss_of_the_master(spark_cluster: FakeBatch, tmp_path: Path) -> None:
    program = tmp_path / "rounds.py"
    program.write_text(ROUNDS)
    end = tmp_path / "end"
    spark_cluster.define(nodes=2, reserves={"cores": 0})
    master = spark_cluster.start("master", contract.MASTER_TASK_ID)
    first = spark_cluster.wait_for_master(PATIENCE)
    worker = spark_cluster.start("worker", contract.worker_task_id(1))
    spark_cluster.wait_for(
        lambda: spark_cluster.get(contract.ClusterBlobs.worker(contract.worker_task_id(1))), PATIENCE
    )
    spark_cluster.submit("rounds", program, args=[str(end)])
    driver = spark_cluster.start("driver", "rounds")
    spark_cluster.wait_for(lambda: rounds(spark_cluster, "rounds") > 1, PATIENCE, "the first rounds")
    spark_cluster.wait_for(
        lambda: list(spark_cluster.container.list_blobs("cluster/recovery/app_")), PATIENCE, "the mirror"
    )
    master.kill()
    spark_cluster.start("master", contract.MASTER_TASK_ID)
    second = spark_cluster.wait_for(lambda: _other_master(spark_cluster, first), PATIENCE, "the second master")
    assert second["host"] != first["host"]
    assert second["attempt"] == 2
    spark_cluster.wait_for(lambda: "has adopted this worker" in worker.output, PATIENCE, "the adoption")
    before = rounds(spark_cluster, "rounds")
    spark_cluster.wait_for(lambda: rounds(spark_cluster, "rounds") > before + 10, PATIENCE, "more rounds")
    end.touch()
    assert driver.wait(PATIENCE) == 0, driver.output[-4000:]
    assert b"FINISHED" in spark_cluster.log("rounds")
    result = spark_cluster.get_json(contract.ApplicationBlobs("rounds").result)
    assert result is not None
    assert result["attempt"] == 1


def test_an_application_survives_the_loss_of_a_worker(spark_cluster: FakeBatch, tmp_path: Path) -> None:
    program = tmp_path / "rounds.py"
    program.write_text(ROUNDS)
    end = tmp_path / "end"
    spark_cluster.define(nodes=2, worker_on_master=False)
    spark_cluster.start("master", contract.MASTER_TASK_ID)
    worker = spark_cluster.start("worker", contract.worker_task_id(1))
    spark_cluster.submit("rounds", program, args=[str(end)], conf={"spark.cores.max": "1"})
    driver = spark_cluster.start("driver", "rounds")
    spark_cluster.wait_for(lambda: rounds(spark_cluster, "rounds") > 1, PATIENCE, "the first rounds")
    worker.kill()
    spark_cluster.start("worker", contract.worker_task_id(1))
    before = rounds(spark_cluster, "rounds")
    spark_cluster.wait_for(lambda: rounds(spark_cluster, "rounds") > before + 5, PATIENCE, "more rounds")
    end.touch()
    assert driver.wait(PATIENCE) == 0, driver.output[-4000:]


def _other_master(cluster: FakeBatch, first: dict[str, object]) -> dict[str, object] | None:
    now = cluster.get_json(contract.ClusterBlobs.MASTER)
    return now if now and now["started"] != first["started"] else None


ARCHIVES = """
import os
from pyspark import SparkFiles
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()

def look(_):
    return [(open("alias.txt").read(), open("env/inside.txt").read(), sorted(os.listdir("plain.zip")))]

print("SEEN", spark.sparkContext.parallelize([1], 1).mapPartitions(look).collect())
print("CONF", spark.sparkContext.getConf().get("spark.archives"))
spark.stop()
"""


def test_archives_and_aliases_stand_where_the_executors_work(spark_cluster: FakeBatch, tmp_path: Path) -> None:
    (tmp_path / "files.py").write_text(ARCHIVES)
    (tmp_path / "data.txt").write_text("data")
    for name in ("plain.zip", "named.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("inside.txt", name)
    spark_cluster.start("master", contract.MASTER_TASK_ID)
    archives = [
        {**spark_cluster.upload(tmp_path / "plain.zip"), "alias": "plain.zip"},
        {**spark_cluster.upload(tmp_path / "named.zip"), "alias": "env"},
    ]
    files = [{**spark_cluster.upload(tmp_path / "data.txt"), "name": "alias.txt"}]
    spark_cluster.submit("files", tmp_path / "files.py", archives=archives, files=files)
    driver = spark_cluster.start("driver", "files")
    assert driver.wait(PATIENCE) == 0, driver.output[-4000:]
    log = spark_cluster.log("files").decode()
    assert "SEEN [('data', 'named.zip', ['inside.txt'])]" in log
