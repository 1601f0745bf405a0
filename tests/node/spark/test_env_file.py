"""The variables of the user's spark-env.sh are used, or refused with the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client.models._sparkfiles import assignments
from airflow_provider_aztk.node import contract, machine
from airflow_provider_aztk.node.errors import BadInputError
from airflow_provider_aztk.node.spark import env_file
from tests.node.harness import FakeBatch, new_address

if TYPE_CHECKING:
    from pathlib import Path

FAST = {"AZTK_NODE_SPEEDUP": "20"}


def load(tmp_path: Path, text: str, **env: str) -> dict[str, str]:
    """Evaluate a spark-env.sh."""
    (tmp_path / "spark-env.sh").write_text(text)
    return env_file.load({"SPARK_CONF_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", **env})


def test_the_variables_of_a_spark_env_script_are_exported(tmp_path: Path) -> None:
    env = load(tmp_path, 'echo hello\nBASE=$((1 + 1))\nSPARK_WORKER_CORES=$BASE\nexport X="a b\nc"\n', OLD="kept")
    assert (env["SPARK_WORKER_CORES"], env["X"], env["OLD"]) == ("2", "a b\nc", "kept")
    assert env["SPARK_ENV_LOADED"] == "1", "Spark's scripts must not source it again, over what we know better"


def test_a_spark_env_script_is_not_loaded_twice(tmp_path: Path) -> None:
    assert load(tmp_path, "A=2\n", SPARK_ENV_LOADED="1", A="1")["A"] == "1"


def test_the_environment_stays_without_a_spark_env_script(tmp_path: Path) -> None:
    env = {"SPARK_CONF_DIR": str(tmp_path), "A": "1"}
    assert env_file.load(env) == env


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("SPARK_MASTER_HOST=10.0.0.4", "spark_master_url"),
        ("SPARK_LOCAL_IP=$(echo 10.0.0.4)", "own address"),
        ("SPARK_CONF_DIR=/elsewhere", "spark_defaults_conf"),
        ("SPARK_HOME=/elsewhere", "image"),
        ("SPARK_WORKER_CORES=two", "whole number"),
        ("SPARK_WORKER_CORES=0", "whole number"),
        ("SPARK_WORKER_MEMORY=600", "600m or 4g"),
        ("SPARK_WORKER_MEMORY=lots", "600m or 4g"),
        ("SPARK_WORKER_PORT=70000", "port"),
        ("SPARK_WORKER_INSTANCES=2", "executor_cores"),
        ("exit 3", "must not call exit"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_with_the_fix(tmp_path: Path, line: str, fix: str) -> None:
    with pytest.raises(BadInputError, match=r"spark-env\.sh") as caught:
        load(tmp_path, line + "\n", SPARK_LOCAL_IP="10.0.0.9")
    assert fix in str(caught.value)


def test_a_spark_env_script_may_set_the_address_that_the_node_has(tmp_path: Path) -> None:
    assert load(tmp_path, "SPARK_LOCAL_IP=10.0.0.9\nSPARK_WORKER_INSTANCES=1\n", SPARK_LOCAL_IP="10.0.0.9")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SPARK_WORKER_CORES=1\n", {"SPARK_WORKER_CORES": "1"}),
        (" export SPARK_LOCAL_IP='1.2.3.4' # why\n", {"SPARK_LOCAL_IP": "1.2.3.4"}),
        ('SPARK_MASTER_HOST="h";\n', {"SPARK_MASTER_HOST": "h"}),
        ("# SPARK_MASTER_HOST=h\nOTHER=1\nSPARK_LOCAL_IP=$(hostname -i)\nSPARK_HOME=`pwd`\n", {}),
    ],
)
def test_plain_assignments_are_read_without_a_shell(text: str, found: dict[str, str]) -> None:
    assert assignments(text) == found


def test_java_properties_are_found_among_options() -> None:
    assert env_file.java_properties("-Xmx1g -Da.b=1 '-Dc=x y' -Dc=z") == {"a.b": "1", "c": "z"}
    assert env_file.java_properties("-Da=1 'unbalanced") == {"a": "1"}
    assert env_file.java_properties(None) == {}


@pytest.mark.slow
def test_sizes_and_ports_of_a_spark_env_script_reach_the_worker_and_the_master(cluster: FakeBatch) -> None:
    host = new_address()
    port, web = machine.free_port(host), machine.free_port(host)
    text = f"SPARK_WORKER_CORES=1\nSPARK_WORKER_MEMORY=600m\nSPARK_MASTER_PORT={port}\nSPARK_MASTER_WEBUI_PORT={web}\n"
    cluster.define()
    cluster.put("node/conf/spark-env.sh", text.encode())
    master = cluster.start("master", contract.MASTER_TASK_ID, host=host, env=FAST)
    where = cluster.wait_for_master()
    assert (where["port"], where["web_port"]) == (port, web)
    assert "starting a worker with 1 cores and 600 MiB" in master.output


@pytest.mark.slow
def test_a_spark_env_script_that_cannot_be_used_ends_the_cluster_with_the_reason(cluster: FakeBatch) -> None:
    cluster.define()
    cluster.put("node/conf/spark-env.sh", b"SPARK_MASTER_HOST=$(hostname)\n")
    assert cluster.start("master", contract.MASTER_TASK_ID, env=FAST).wait(60) == contract.EXIT_BAD_INPUT
    assert b"SPARK_MASTER_HOST" in (cluster.get(contract.ClusterBlobs.MASTER_LOG) or b"")


@pytest.mark.slow
def test_the_applications_own_environment_wins_over_the_clusters_script(cluster: FakeBatch, tmp_path: Path) -> None:
    cluster.define()
    cluster.put("node/conf/spark-env.sh", b"GREETING=cluster\nOTHER=cluster\n")
    cluster.start("master", contract.MASTER_TASK_ID, env=FAST)
    cluster.wait_for_master()
    program = tmp_path / "app.py"
    program.write_text("import os; print(os.environ['GREETING'], os.environ['OTHER'])")
    cluster.submit("app", program, env={"GREETING": "application"})
    assert cluster.start("driver", "app").wait(60) == 0
    assert b"application cluster" in cluster.log("app")
