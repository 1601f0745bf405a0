"""Properties, variables, packages and arguments that Spark or Linux refuse are refused before there is a node."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from tests.support.configurations import app, faults


class TestProperties:
    @pytest.mark.parametrize(
        "key", ["a", "fs.azure.account.key.x", "Spark.x", "spark.", "spark.a b", " spark.x", "--conf"]
    )
    @pytest.mark.parametrize("name", ["conf", "secret_conf"])
    def test_what_spark_would_ignore(self, key: str, name: str) -> None:
        assert set(faults(app, **{name: {key: "v"}})) == {f"{name}.{key}"}

    def test_hadoops_names_are_refused_with_their_prefix(self) -> None:
        (fix,) = faults(app, conf={"fs.azure.x": "v"}).values()
        assert "spark.hadoop.fs.azure.x" in fix

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("spark.master", "local[1]"),
            ("spark.authenticate", "false"),
            ("spark.submit.deployMode", "cluster"),
            ("spark.authenticate.secret", "x"),
            ("spark.driver.host", "x"),
            ("spark.driver.bindAddress", "x"),
            ("spark.master.rest.enabled", "true"),
            ("spark.ui.killEnabled", "true"),
        ],
    )
    def test_what_we_enforce_is_not_silently_overridden(self, key: str, value: str) -> None:
        for name in ("conf", "secret_conf"):
            assert set(faults(app, **{name: {key: value}})) == {f"{name}.{key}"}

    def test_what_we_enforce_may_be_said_again(self) -> None:
        assert app(conf={"spark.authenticate": "true", "spark.submit.deployMode": "client"}).conf

    @pytest.mark.parametrize("key", ["spark.executor.cores", "spark.cores.max", "spark.driver.cores"])
    @pytest.mark.parametrize("value", ["two", "0", "1.5", ""])
    def test_counts(self, key: str, value: str) -> None:
        assert set(faults(app, conf={key: value})) == {f"conf.{key}"}

    @pytest.mark.parametrize("side", ["driver", "executor"])
    @pytest.mark.parametrize("kind", ["extraJavaOptions", "defaultJavaOptions"])
    def test_a_heap_among_the_options_of_java(self, side: str, kind: str) -> None:
        key = f"spark.{side}.{kind}"
        for name in ("conf", "secret_conf"):
            (fix,) = faults(app, **{name: {key: "-XX:+UseG1GC -Xmx4g"}}).values()
            assert f"{side}_memory" in fix
        assert app(conf={key: "-XX:+UseG1GC -Xms1g -Xss4m -Dx=y"})

    def test_a_heap_in_the_field(self) -> None:
        assert "driver_memory" in faults(app, driver_java_options="-Xmx4g")["driver_java_options"]
        assert app(driver_java_options="-Dspark.x=1 -Xms1g")

    def test_sparks_properties_among_the_options_of_an_executor(self) -> None:
        key = "spark.executor.extraJavaOptions"
        assert "conf" in faults(app, conf={key: "-Dspark.x=1"})[f"conf.{key}"]
        assert app(conf={"spark.driver.extraJavaOptions": "-Dspark.x=1", key: "-Dlog.spark=1"})

    def test_a_field_and_its_property_must_not_differ(self) -> None:
        assert (
            "driver_memory"
            in faults(app, driver_memory="1g", conf={"spark.driver.memory": "2g"})["conf.spark.driver.memory"]
        )
        assert app(driver_memory="1g", conf={"spark.driver.memory": "1gb"})

    def test_one_name_in_clear_and_in_secret(self) -> None:
        assert set(faults(app, conf={"spark.x": "1"}, secret_conf={"spark.x": "2"})) == {"secret_conf.spark.x"}
        assert set(faults(app, env={"X": "1"}, secret_env={"X": "2"})) == {"secret_env.X"}

    @pytest.mark.parametrize("value", [None, 5, True, "a\0b", "\ud800"])
    @pytest.mark.parametrize(
        ("name", "key"), [("conf", "spark.x"), ("env", "X"), ("secret_env", "X"), ("secret_conf", "spark.x")]
    )
    def test_values_that_are_no_text_are_refused_by_their_name(self, value: Any, name: str, key: str) -> None:
        assert set(faults(app, **{name: {key: value}})) == {f"{name}.{key}"}

    def test_a_secret_value_is_not_shown(self) -> None:
        with pytest.raises(InvalidConfigurationError) as error:
            app(secret_conf={"k": "hush-hush"}, secret_env={"1x": "hush-hush"})
        assert "hush-hush" not in str(error.value)


@pytest.mark.parametrize("field", ["env", "secret_env"])
@pytest.mark.parametrize("name", ["SPARK_LOCAL_IP", "SPARK_LOCAL_HOSTNAME", "SPARK_CONF_DIR"])
def test_variables_that_a_spark_env_sh_must_not_set_either(name: str, field: str) -> None:
    assert set(faults(app, **{field: {name: "10.0.0.1"}})) == {f"{field}.{name}"}
    assert app(env={"SPARK_LOCAL_DIRS": "/mnt/x"})


@pytest.mark.parametrize("name", ["1X", "A-B", "A.B", "", "A=B", "A B", "Ä", "SPARK_HOME", "X\n"])
def test_names_of_variables(name: str) -> None:
    for field in ("env", "secret_env"):
        assert set(faults(app, **{field: {name: "v"}})) == {f"{field}.{name}"}


@pytest.mark.parametrize("package", ["g:a", "a.jar", "g:a:1:2", "g:a: 1", "", "g:a:1,h:b:2"])
def test_packages(package: str) -> None:
    assert set(faults(app, packages=["org.x:y_2.13:1.0", package])) == {"packages[1]"}


@pytest.mark.parametrize("name", ["a b", "x/Y", "org.example.", "--class", "1x.Y", "x.Y\n"])
def test_classes(name: str) -> None:
    assert set(faults(app, application="https://h/x.jar", main_class=name)) == {"main_class"}
    assert app(application="https://h/x.jar", main_class="org.example.Main$").main_class


@pytest.mark.parametrize("field", ["max_retry_count", "driver_cores", "executor_cores", "max_cores"])
def test_numbers_that_azure_batch_does_not_take(field: str) -> None:
    assert set(faults(app, **{field: 2**31})) == {field}


class TestArguments:
    LIMIT = 131_072  # with the ending zero

    def test_the_longest_argument(self) -> None:
        assert app(application_args=["x" * (self.LIMIT - 1)])
        assert set(faults(app, application_args=["a", "x" * self.LIMIT])) == {"application_args[1]"}

    def test_bytes_count_and_not_characters(self) -> None:
        assert set(faults(app, application_args=["ü" * (self.LIMIT // 2)])) == {"application_args[0]"}

    def test_the_sum_counts(self) -> None:
        assert app(application_args=["x" * 1000] * 1000)
        assert set(faults(app, application_args=["x" * 100_000] * 20)) == {"application_args"}
        assert set(faults(app, application_args=[""] * 300_000)) == {"application_args"}

    def test_with_the_environment(self) -> None:
        many = {f"V{n}": "x" * 100_000 for n in range(10)}
        assert set(faults(app, application_args=["x" * 100_000] * 10, secret_env=many)) == {"application_args"}

    @pytest.mark.parametrize("field", ["env", "secret_env"])
    def test_variables(self, field: str) -> None:
        assert app(**{field: {"V": "x" * (self.LIMIT - 3)}})
        assert set(faults(app, **{field: {"V": "x" * (self.LIMIT - 2)}})) == {f"{field}.V"}

    def test_properties_go_through_a_file(self) -> None:
        assert app(conf={"spark.x": "x" * self.LIMIT})

    @pytest.mark.parametrize(
        "key", ["spark.driver.extraJavaOptions", "spark.executor.extraClassPath", "spark.executorEnv.X"]
    )
    def test_but_for_those_that_become_arguments(self, key: str) -> None:
        assert set(faults(app, application="https://h/x.jar", main_class="x" * self.LIMIT)) == {"main_class"}
        assert set(faults(app, conf={key: "x" * self.LIMIT})) == {f"conf.{key}"}
        assert set(faults(app, driver_java_options="x" * self.LIMIT)) == {"driver_java_options"}


@pytest.mark.parametrize(
    "fields",
    [
        {"conf": {"spark.authenticate.secret": "TOP"}},
        {"conf": {"spark.a": "TOP"}, "secret_conf": {"spark.a": "TOP"}},
        {"env": {"DB_PASSWORD": "TOP" + "x" * 200_000}},
    ],
)
def test_no_error_shows_what_is_named_or_declared_a_secret(fields: dict[str, dict[str, str]]) -> None:
    with pytest.raises(InvalidConfigurationError) as raised:
        app(**fields)
    assert "TOP" not in str(raised.value)
