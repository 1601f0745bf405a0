"""Which Python Spark will run."""

from __future__ import annotations

from airflow_provider_aztk.node.spark.pythons import choose


def test_the_chosen_pythons_are_those_of_spark() -> None:
    def pythons(conf: dict[str, str], **env: str) -> tuple[str, str]:
        found = choose(conf, env)
        return found.driver, found.executor

    both, driver = "spark.pyspark.python", "spark.pyspark.driver.python"
    assert pythons({}) == ("python3", "python3")
    assert pythons({}, PYSPARK_PYTHON="a") == ("a", "a")
    assert pythons({}, PYSPARK_PYTHON="a", PYSPARK_DRIVER_PYTHON="b") == ("b", "a")
    assert pythons({both: "c"}, PYSPARK_PYTHON="a", PYSPARK_DRIVER_PYTHON="b") == ("c", "c")
    assert pythons({both: "c", driver: "d"}, PYSPARK_DRIVER_PYTHON="b") == ("d", "c")
    assert pythons({driver: "d"}, PYSPARK_PYTHON="a") == ("d", "a")
