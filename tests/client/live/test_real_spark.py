"""The client with real Spark on the local stack: jars and Python, executors on every node, nodes that are lost."""

from __future__ import annotations

import os
import subprocess
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROGRAMS = Path(__file__).parent / "programs"
WAIT = {"timeout": 240, "poll_interval": 1.0}


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with run_stack() as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> Iterator[Client]:
    with Client(secrets_of(stack)) as client:
        yield client


@pytest.fixture(scope="module")
def three_nodes(client: Client) -> Iterator[str]:
    """A cluster of a master with its worker, and two more workers."""
    client.create_cluster(models.ClusterConfiguration(cluster_id="Real", vm_count=3), wait=True, **WAIT)
    yield "Real"
    client.delete_cluster("Real")


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Compile the Java program with the compiler that Spark itself brings: a Java runtime is enough."""
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    jars = sorted((Path(spec.origin).parent / "jars").glob("*.jar"))
    compiler = [str(path) for path in jars if path.name.startswith(("janino", "commons-compiler"))]
    out = tmp_path_factory.mktemp("classes")
    java = str(Path(os.environ["JAVA_HOME"], "bin", "java")) if os.environ.get("JAVA_HOME") else "java"
    main = "org.codehaus.commons.compiler.samples.CompilerDemo"
    class_path = os.pathsep.join(str(path) for path in jars)
    command = [java, "-cp", os.pathsep.join(compiler), main, "-d", str(out), "-classpath", class_path]
    subprocess.run([*command, str(PROGRAMS / "Hosts.java")], check=True, timeout=120)
    path = out / "hosts.jar"
    with zipfile.ZipFile(path, "w") as archive:
        for compiled in out.glob("*.class"):
            archive.write(compiled, compiled.name)
    return str(path)


def run(client: Client, cluster_id: str, app: models.ApplicationConfiguration) -> str:
    client.submit(cluster_id, app)
    done = client.wait_until_application_done(cluster_id, app.name, **WAIT)
    log = client.get_application_log(cluster_id, app.name).log
    assert done.outcome is models.Outcome.SUCCESS, log[-3000:]
    return log


def begun(client: Client, cluster_id: str, name: str) -> models.Application:
    end = time.monotonic() + 120
    while "begin" not in client.get_application_log(cluster_id, name).log:
        assert time.monotonic() < end
        time.sleep(0.5)
    return client.get_application(cluster_id, name)


ARGUMENT = 'with blank, quo"te, $HOME and ünïcode'


def test_a_python_application_runs_on_every_node(client: Client, three_nodes: str) -> None:
    program = str(PROGRAMS / "hosts.py")
    app = models.ApplicationConfiguration(name="python", application=program, application_args=["3", ARGUMENT])
    assert f"Executors on 3 hosts; argument: {ARGUMENT}" in run(client, three_nodes, app)


def test_a_jar_runs_on_every_node(client: Client, three_nodes: str, jar: str) -> None:
    app = models.ApplicationConfiguration(
        name="jar",
        application=jar,
        main_class="Hosts",
        application_args=["3", ARGUMENT],
        driver_java_options="-Dfile.encoding=UTF-8 -Dstdout.encoding=UTF-8",
        executor_memory="600m",
    )
    assert f"Executors on 3 hosts; argument: {ARGUMENT}" in run(client, three_nodes, app)


def test_a_worker_lost_in_mid_job_is_replaced_and_the_job_ends(
    client: Client, stack: LocalStack, three_nodes: str
) -> None:
    program = str(PROGRAMS / "long_sum.py")
    client.submit(
        three_nodes, models.ApplicationConfiguration(name="sum", application=program, application_args=["40"])
    )
    driver = begun(client, three_nodes, "sum")
    cluster = client.get_cluster(three_nodes)
    victim = next(n["id"] for n in cluster.nodes if n["id"] not in (driver.node_id, cluster.master_node_id))
    assert cluster.pool_id is not None
    stack.admin.fail_node(cluster.pool_id, victim)
    done = client.wait_until_application_done(three_nodes, "sum", **WAIT)
    log = client.get_application_log(three_nodes, "sum").log
    assert (done.outcome, done.retry_count) == (models.Outcome.SUCCESS, 0), log[-3000:]
    assert "Sum of 80 parts is 3160" in log
    assert len(client.get_cluster(three_nodes).nodes) == 3


def test_a_preempted_spot_node_comes_back_and_the_job_ends(client: Client, stack: LocalStack) -> None:
    conf = models.ClusterConfiguration(cluster_id="Spot", vm_low_pri_count=3)
    client.create_cluster(conf, wait=True, **WAIT)
    program = str(PROGRAMS / "long_sum.py")
    client.submit("Spot", models.ApplicationConfiguration(name="sum", application=program, application_args=["30"]))
    driver = begun(client, "Spot", "sum")
    cluster = client.get_cluster("Spot")
    victim = next(n["id"] for n in cluster.nodes if n["id"] not in (driver.node_id, cluster.master_node_id))
    assert cluster.pool_id is not None
    stack.admin.preempt(cluster.pool_id, victim, restore_after=5)
    done = client.wait_until_application_done("Spot", "sum", **WAIT)
    log = client.get_application_log("Spot", "sum").log
    assert (done.outcome, done.retry_count) == (models.Outcome.SUCCESS, 0), log[-3000:]
    assert "Sum of 60 parts is 1770" in log
    end = time.monotonic() + 60
    while {n["state"] for n in client.get_cluster("Spot").nodes} > {"running"}:  # the worker is back at work
        assert time.monotonic() < end
        time.sleep(1)
    client.delete_cluster("Spot")


def test_a_driver_elsewhere_outlives_the_masters_node(client: Client, stack: LocalStack) -> None:
    client.create_cluster(models.ClusterConfiguration(cluster_id="Master", vm_count=2), wait=True, **WAIT)
    cluster = client.get_cluster("Master")
    program = str(PROGRAMS / "long_sum.py")
    names = ["one", "two"]  # Batch spreads them, so that one is beside the master and one is not
    apps = [
        models.ApplicationConfiguration(name=name, application=program, application_args=["12"], max_cores=1)
        for name in names
    ]
    client.submit_all_applications("Master", apps)
    drivers = {name: begun(client, "Master", name) for name in names}
    elsewhere = [name for name, app in drivers.items() if app.node_id != cluster.master_node_id]
    assert len(elsewhere) == 1
    assert cluster.pool_id is not None
    assert cluster.master_node_id is not None
    stack.admin.fail_node(cluster.pool_id, cluster.master_node_id)
    done = {name: client.wait_until_application_done("Master", name, **WAIT) for name in names}
    logs = {name: client.get_application_log("Master", name).log for name in names}
    for name in names:
        assert (done[name].outcome, done[name].retry_count) == (models.Outcome.SUCCESS, 0), logs[name][-3000:]
    assert done[elsewhere[0]].node_id == drivers[elsewhere[0]].node_id
    assert logs[elsewhere[0]].splitlines().count("begin") == 1
    client.delete_cluster("Master")
