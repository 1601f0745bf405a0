"""What certainly fails on a node is refused before there is one: sizes, names, arguments, counts, durations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._actions import submit_applications
from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    JobConfiguration,
    SparkConfiguration,
    _sizes,
)

HERE = str(Path(__file__))


def app(**given: Any) -> ApplicationConfiguration:
    return ApplicationConfiguration(**{"name": "a", "application": HERE, **given})


def cluster(**given: Any) -> ClusterConfiguration:
    return ClusterConfiguration(**{"cluster_id": "c", "vm_count": 1, **given})


def job(**given: Any) -> JobConfiguration:
    return JobConfiguration(**{"id": "j", "max_dedicated_nodes": 1, "applications": [app()], **given})


def faults(build: Any, **given: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfigurationError) as error:
        build(**given)
    return {fault.field: fault.fix for fault in error.value.faults}


class TestMemory:
    @pytest.mark.parametrize("field", ["driver_memory", "executor_memory"])
    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ("1gb", "1g"),
            ("2 G", "2g"),
            ("512MB", "512m"),
            ("1t", "1t"),
            (" 1g ", "1g"),
            ("1GiB", "1g"),
            ("1048576k", "1048576k"),
        ],
    )
    def test_it_is_written_as_spark_and_the_jvm_take_it(self, field: str, given: str, taken: str) -> None:
        assert getattr(app(**{field: given}), field) == taken
        assert app(conf={f"spark.{field.replace('_', '.')}": given}).conf == {f"spark.{field.replace('_', '.')}": taken}

    @pytest.mark.parametrize("given", ["512", "0.5g", "1p", "10b", "449m", "0g", "460799k", "1g\0", "g1", "99999999t"])
    def test_what_neither_takes_is_refused(self, given: str) -> None:
        assert set(faults(app, driver_memory=given, executor_memory=given)) == {"driver_memory", "executor_memory"}
        assert set(faults(app, conf={"spark.driver.memory": given})) == {"conf.spark.driver.memory"}

    def test_the_least_that_spark_starts_with(self) -> None:
        assert app(driver_memory="450m").driver_memory == "450m"


class TestProperties:
    @pytest.mark.parametrize(
        "key", ["a", "fs.azure.account.key.x", "Spark.x", "spark.", "spark.a b", " spark.x", "--conf"]
    )
    @pytest.mark.parametrize("name", ["conf", "secret_conf"])
    def test_what_spark_would_ignore(self, key: str, name: str) -> None:
        assert set(faults(app, **{name: {key: "v"}})) == {f"{name}.{key}"}

    def test_hadoops_names_get_their_prefix_told(self) -> None:
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
    def test_values_that_are_no_text_are_told_by_their_name(self, value: Any, name: str, key: str) -> None:
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


def test_two_jars_of_one_name_in_a_job(tmp_path: Path) -> None:
    """Spark would leave the second one out."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jar").write_bytes(folder.encode())
    settings = SparkConfiguration(jars=[str(tmp_path / "a" / "x.jar")])
    found = faults(
        job, spark_configuration=settings, applications=[app(), app(name="b", jars=[str(tmp_path / "b/x.jar")])]
    )
    assert set(found) == {"applications[1].jars[0]"}
    assert job(spark_configuration=settings, applications=[app(jars=[str(tmp_path / "a" / "x.jar")])])


def test_fewer_cores_than_one_executor() -> None:
    assert set(faults(app, max_cores=2, executor_cores=4)) == {"max_cores"}
    assert set(faults(app, conf={"spark.cores.max": "2"}, executor_cores=4)) == {"conf.spark.cores.max"}
    apps = [app(executor_cores=3)]
    assert set(faults(job, applications=apps, default_cores=2)) == {"default_cores"}
    assert job(applications=[app(executor_cores=3, max_cores=3)], default_cores=2)


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


class TestLists:
    @pytest.mark.parametrize("field", ["application_args", "jars", "py_files", "files", "archives", "packages"])
    @pytest.mark.parametrize("value", [None, 5, "x\0"])
    def test_items_are_told_by_their_index(self, field: str, value: Any) -> None:
        good = {"packages": "g:a:1", "application_args": "x"}.get(field, "https://h/x.zip")
        for build in (
            app,
            lambda **given: ApplicationConfiguration.from_aztk({"name": "a", "application": HERE, **given}),
        ):
            assert set(faults(build, **{field: [good, value]})) == {f"{field}[1]"}


class TestWorkers:
    @pytest.mark.parametrize("counts", [{"vm_count": 1}, {"vm_count": 0, "vm_low_pri_count": 1}])
    def test_a_cluster_without_workers(self, counts: dict[str, int]) -> None:
        assert set(faults(cluster, **{"vm_count": None, **counts}, worker_on_master=False)) == {"worker_on_master"}
        assert cluster(vm_count=2, worker_on_master=False)

    @pytest.mark.parametrize("counts", [{"max_dedicated_nodes": 1}, {"max_dedicated_nodes": 0, "max_low_pri_nodes": 1}])
    def test_a_job_without_workers(self, counts: dict[str, int]) -> None:
        assert set(faults(job, **{"max_dedicated_nodes": None, **counts}, worker_on_master=False)) == {
            "worker_on_master"
        }

    def test_in_a_file(self) -> None:
        with pytest.raises(InvalidConfigurationError, match="worker_on_master"):
            ClusterConfiguration.from_yaml("id: c\nsize: 1\nworker_on_master: no\n")


class TestNamesAndDurations:
    @pytest.mark.parametrize("size", ["standard d4s", "standard_d4s_v5\n", "d4s/v5", "§", "standard_d4s_v5;x"])
    def test_vm_sizes(self, size: str) -> None:
        assert "vm_size" in faults(cluster, vm_size=size)
        assert "vm_size" in faults(job, vm_size=size)

    @pytest.mark.parametrize(
        "image",
        ["Apache/Spark:1", "spark:", "spark:a b", "reg.io:x/spark", "spark@sha256:1", "a//b", "https://h/spark", "-x"],
    )
    def test_images_that_docker_does_not_take(self, image: str) -> None:
        assert set(faults(cluster, docker_repo=image)) == {"docker_repo"}

    @pytest.mark.parametrize(
        "image",
        [
            "spark",
            "apache/spark:4.1.4-python3",
            "Reg.example.com:5000/a/b_c:X",
            "localhost/x",
            f"a/b@sha256:{'0' * 64}",
        ],
    )
    def test_images_that_it_takes(self, image: str) -> None:
        assert cluster(docker_repo=image).docker_repo == image

    @pytest.mark.parametrize("name", ["x\n", "x\0", " x", "x\r"])
    def test_names_with_what_is_not_seen(self, name: str) -> None:
        assert set(faults(app, name=name)) == {"name"}
        assert set(faults(cluster, cluster_id=name)) == {"cluster_id"}
        assert set(faults(job, id=name)) == {"id"}

    @pytest.mark.parametrize(
        ("build", "field"),
        [(cluster, "max_lifetime"), (cluster, "idle_timeout"), (job, "max_lifetime"), (app, "max_wall_clock")],
    )
    def test_longer_than_a_batch_task_lives(self, build: Any, field: str) -> None:
        assert set(faults(build, **{field: "181d"})) == {field}
        assert build(**{field: "180d"})

    def test_an_idle_timeout_that_never_counts(self) -> None:
        assert set(faults(cluster, idle_timeout="2h", max_lifetime="2h")) == {"idle_timeout"}
        assert cluster(idle_timeout="1h", max_lifetime="2h")


class TestFit:
    @pytest.mark.parametrize(
        ("size", "mb"),
        [
            ("standard_d4s_v5", 16384),
            ("Standard_D2ls_v5", 4096),
            ("standard_e8ads_v5", 65536),
            ("standard_f4s_v2", 8192),
            ("standard_d3_v2", 14336),
            ("standard_ds12_v2", 28672),
            ("standard_a4m_v2", 32768),
            ("standard_m128s", None),
            ("standard_nc6", None),
            ("standard_e8-4s_v5", None),
            ("mine", None),
            ("standard_d96s_v5", None),
        ],
    )
    def test_memory_of_sizes(self, size: str, mb: int | None) -> None:
        assert _sizes.memory_mb(size) == mb

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"executor_memory": "400g"}, "executor_memory"),
            ({"executor_cores": 5}, "executor_cores"),
            ({"driver_memory": "17g"}, "driver_memory"),
            ({"conf": {"spark.executor.memory": "400g"}}, "conf.spark.executor.memory"),
            ({"executor_memory": "15g"}, "executor_memory"),
            ({"secret_conf": {"spark.executor.memory": "400g"}}, "secret_conf.spark.executor.memory"),
        ],
    )
    def test_a_job_whose_executor_fits_nowhere(self, given: dict[str, Any], field: str) -> None:
        found = faults(job, vm_size="standard_d4s_v5", applications=[app(), app(name="b", **given)])
        assert set(found) == {f"applications[1].{field}"}

    def test_the_smallest_worker(self) -> None:
        """A worker offers 512 MiB at least; an application that says nothing asks for 1 GiB."""
        for size in ("standard_a1_v2", "standard_d1_v2"):
            assert job(vm_size=size, applications=[app(executor_memory="512m", driver_memory="1g")])
            (fix,) = faults(job, vm_size=size, applications=[app(executor_memory="513m")]).values()
            assert "512m" in fix
            found = faults(job, vm_size=size, applications=[app()])
            assert set(found) == {"applications[0].executor_memory"}
            assert "1g" in found["applications[0].executor_memory"]

    def test_a_driver_may_have_what_no_worker_offers(self) -> None:
        assert job(vm_size="standard_d4s_v5", applications=[app(driver_memory="14g", executor_memory="1g")])

    def test_what_fits_or_is_not_known(self, tmp_path: Path) -> None:
        assert job(vm_size="standard_d4s_v5", applications=[app(executor_memory="12g", executor_cores=4)])
        assert job(vm_size="standard_m128s", applications=[app(executor_memory="400g")])
        (tmp_path / "spark-env.sh").write_text("SPARK_WORKER_MEMORY=500g\n")
        settings = SparkConfiguration(spark_env_sh=str(tmp_path / "spark-env.sh"))
        assert job(vm_size="standard_d4s_v5", spark_configuration=settings, applications=[app(executor_memory="100g")])

    @pytest.mark.parametrize(
        ("key", "value", "own"),
        [
            ("spark.executor.memory", "400g", {"executor_memory": "4g"}),
            ("spark.executor.memory", "400000", {"conf": {"spark.executor.memory": "4g"}}),
            ("spark.executor.cores", "64", {"executor_cores": 2}),
            ("spark.driver.memory", "400g", {"driver_memory": "2g"}),
        ],
    )
    def test_what_the_defaults_ask_for(self, tmp_path: Path, key: str, value: str, own: dict[str, Any]) -> None:
        path = tmp_path / "spark-defaults.conf"
        path.write_text(f"{key} {value}\n")
        given = {"vm_size": "standard_d4s_v5", "spark_configuration": SparkConfiguration(spark_defaults_conf=str(path))}
        found = faults(job, **given, applications=[app(**own), app(name="b")])
        assert set(found) == {f"spark_configuration.spark_defaults_conf: {key}"}
        assert job(**given, applications=[app(**own)])

    @pytest.mark.parametrize(
        ("size", "vcpus"),
        [
            ("Standard_E8-4ds_v5", 4),
            ("Standard_DS11-1_v2", 1),
            ("Standard_M416-208s_v2", 208),
            ("Standard_HB120-16rs_v3", 16),
            ("Standard_DS4_v2_Promo", 8),
            ("Standard_NC24ads_A100_v4", 24),
            ("Standard_D16s_v5", 16),
        ],
    )
    def test_vcpus_of_sizes(self, size: str, vcpus: int) -> None:
        assert _sizes.vcpus(size) == vcpus
        assert _sizes.default_slots(size) <= 4 * vcpus

    def test_at_the_submission_to_a_cluster(self) -> None:
        batch_job = {"poolInfo": {"autoPoolSpecification": {"pool": {"vmSize": "STANDARD_D4S_V5"}}}}
        with pytest.raises(errors.InvalidConfigurationError) as error:
            submit_applications.check_sizes(batch_job, [app(), app(name="b", executor_memory="400g")])
        assert [fault.field for fault in error.value.faults] == ["applications[1].executor_memory"]
        submit_applications.check_sizes({}, [app(executor_memory="400g")])


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
