"""The properties of a spark-defaults.conf are checked as Spark reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    SparkConfiguration,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "line", "fix"),
    [
        ("spark.master", "spark.master spark://mine:7077", "the node knows"),
        ("spark.authenticate", "spark.authenticate=false", "a cluster is closed"),
        ("spark.ui.killEnabled", "\ufeffspark.ui.killEnabled: true", "stop_application"),
        ("spark.driver.host", "spark.driver.host  10.0.0.4", "the node knows"),
    ],
)
def test_a_property_of_a_file_that_would_not_count_is_refused(tmp_path: Path, name: str, line: str, fix: str) -> None:
    path = tmp_path / "spark-defaults.conf"
    path.write_text(f"{line}\nspark.executor.memory 1g\n", encoding="utf-8")
    with pytest.raises(InvalidConfigurationError, match=fix) as raised:
        SparkConfiguration(spark_defaults_conf=str(path))
    assert [fault.field for fault in raised.value.faults] == [f"spark_defaults_conf: {name}"]


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("spark.driver.memory 1gb", "'1g'"),
        ("spark.driver.memory 2 G", "'2g'"),
        ("spark.driver.memory 1024", "a whole number and a unit"),
        ("spark.driver.memory 100m", "at least 450m"),
        ("spark.executor.memory 1GiB", "'1g'"),
        ("spark.executor.memory 1.5g", "a whole number and a unit"),
        ("spark.executor.memory 100", "at least 450m"),
        ("spark.executor.cores two", "a whole number"),
        ("spark.cores.max 0", "a whole number"),
        ("spark.driver.extraJavaOptions -Xmx4g", "driver_memory"),
        ("spark.executor.defaultJavaOptions -Dspark.x=1", "conf"),
    ],
)
def test_a_property_of_a_file_that_certainly_fails_is_refused(tmp_path: Path, line: str, fix: str) -> None:
    path = tmp_path / "spark-defaults.conf"
    path.write_text(f"{line}\n")
    with pytest.raises(InvalidConfigurationError) as raised:
        SparkConfiguration(spark_defaults_conf=str(path))
    (fault,) = raised.value.faults
    assert fault.field == f"spark_defaults_conf: {line.split()[0]}"
    assert fix in fault.fix


@pytest.mark.parametrize(
    "line",
    [
        "spark.driver.memory 1g",
        "spark.driver.memory=512M",
        "spark.executor.memory 1gb",
        "spark.executor.memory 2048",
        "spark.executor.memory ${spark.driver.memory}",
        "spark.executor.extraJavaOptions -XX:+PrintGCDetails -Dkey=value",
        "spark.cores.max 4",
    ],
)
def test_a_property_of_a_file_that_spark_takes_passes(tmp_path: Path, line: str) -> None:
    path = tmp_path / "spark-defaults.conf"
    path.write_text(f"{line}\n")
    SparkConfiguration(spark_defaults_conf=str(path))


def test_a_property_of_a_file_that_is_set_anyway_passes(tmp_path: Path) -> None:
    path = tmp_path / "spark-defaults.conf"
    path.write_text("spark.authenticate true\nspark.master.rest.enabled false\n", encoding="utf-8")
    SparkConfiguration(spark_defaults_conf=str(path))
