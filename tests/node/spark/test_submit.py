"""What spark-submit gets: properties, environment, command line."""

from __future__ import annotations

from airflow_provider_aztk.node.contract import Application, Cluster, FileRef, Secrets
from airflow_provider_aztk.node.spark import submit

APP = Application(
    name="app",
    application=FileRef(url="https://there/app.py"),
    args=["a b", ""],
    packages=["g:a:1"],
    conf={"spark.x": "app", "spark.jars": "given.jar", "spark.authenticate": "false"},
    driver_memory="2g",
    max_cores=3,
)
LOCAL = submit.LocalFiles("app.py", jars=["/c.jar", "/a.jar"], requirements_dir="/r", requirements_archive="/r.zip")


def test_properties_of_a_driver_go_from_weak_to_strong() -> None:
    cluster = Cluster("cluster", 1, 60.0, default_cores=2)
    secrets = Secrets(conf={"spark.hadoop.fs.key": "s3cr3t"})
    weak = {"spark.ui.port": "1", "spark.z": "weak"}
    values = submit.driver_properties(
        APP,
        cluster,
        {"spark.z": "defaults", "spark.y": "defaults", "spark.x": "defaults"},
        secrets,
        LOCAL,
        weak,
        {"spark.driver.host": "h"},
    )
    expected = {
        "spark.x": "app",
        "spark.y": "defaults",
        "spark.z": "defaults",
        "spark.ui.port": "1",
        "spark.cores.max": "3",
        "spark.driver.memory": "2g",
        "spark.jars": "given.jar,/c.jar,/a.jar",
        "spark.jars.packages": "g:a:1",
        "spark.archives": "/r.zip#aztk_requirements",
        "spark.executorEnv.PYTHONPATH": "aztk_requirements",
        "spark.hadoop.fs.key": "s3cr3t",
        "spark.driver.host": "h",
        "spark.authenticate": "true",
        "spark.submit.deployMode": "client",
    }
    assert {name: values[name] for name in expected} == expected
    assert "spark.executor.cores" not in values
    assert "spark\\.hadoop\\.fs\\.key" in values["spark.redaction.regex"]


def test_nothing_secret_is_in_the_command_line_or_a_repr() -> None:
    command = submit.submit_command("spark-submit", "/private/p", APP, LOCAL.application)
    assert command == ["spark-submit", "--properties-file", "/private/p", "app.py", "a b", ""]
    assert "s3cr3t" not in repr(Secrets(conf={"a": "s3cr3t"}, env={"B": "s3cr3t"}))


def test_secrets_of_the_environment_win() -> None:
    app = Application("a", FileRef(url="u"), env={"A": "app", "B": "app"})
    env = submit.driver_environment({"A": "base", "PYTHONPATH": "/x"}, app, Secrets(env={"B": "secret"}), LOCAL)
    assert env == {"A": "app", "B": "secret", "PYTHONPATH": "/r:/x"}
