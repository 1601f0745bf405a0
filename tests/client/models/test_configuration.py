"""Configurations are validated as a whole, before anything is created."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    CustomScript,
    JobConfiguration,
    SparkConfiguration,
    _sizes,
)

if TYPE_CHECKING:
    from pathlib import Path


def faults_of(error: pytest.ExceptionInfo[InvalidConfigurationError]) -> dict[str, str]:
    return {fault.field: fault.fix for fault in error.value.faults}


def test_both_counts_absent_names_both_fields() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id="c")
    assert "at least one node" in faults_of(error)["vm_count, vm_low_pri_count"]


@pytest.mark.parametrize("bad", ["", "a b", "a.b", "x" * 65, "ä", None, 5])
def test_illegal_id_is_refused_with_value_and_fix(bad: object) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id=bad, vm_count=1)  # type: ignore[arg-type]
    assert repr(bad) in str(error.value)
    assert "letters, digits" in faults_of(error)["cluster_id"]


def test_all_faults_come_together() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id="a b", vm_count=-1, idle_timeout="soon", vm_size="", default_cores=0)
    assert set(faults_of(error)) == {"cluster_id", "vm_count", "idle_timeout", "vm_size", "default_cores"}


def test_mixed_nodes_need_a_subnet() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id="c", vm_count=1, vm_low_pri_count=1)
    assert "subnet_id" in str(error.value)
    subnet = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
    assert ClusterConfiguration(cluster_id="c", vm_count=1, vm_low_pri_count=2, subnet_id=subnet).nodes == 3


def test_more_slots_than_the_size_has_say_how_many() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id="c", vm_count=1, vm_size="standard_f1", task_slots_per_node=8)
    assert "at most 4" in faults_of(error)["task_slots_per_node"]


@pytest.mark.parametrize("slots", [1, 2])
def test_slots_that_the_master_takes_all_are_refused(slots: int) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id="c", vm_count=1, task_slots_per_node=slots)
    assert "3" in faults_of(error)["task_slots_per_node"]
    made = ClusterConfiguration(cluster_id="c", vm_count=1, task_slots_per_node=3)
    assert made.task_slots_per_node == 3
    assert _sizes.daemon_slots(3) < 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (90, timedelta(seconds=90)),
        ("45m", timedelta(minutes=45)),
        ("2h", timedelta(hours=2)),
        ("PT2H", timedelta(hours=2)),
        (timedelta(days=1), timedelta(days=1)),
    ],
)
def test_durations_are_read_in_all_their_forms(given: object, expected: timedelta) -> None:
    assert ClusterConfiguration(cluster_id="c", vm_count=1, max_lifetime=given).max_lifetime == expected  # type: ignore[arg-type]


def test_missing_program_is_named() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ApplicationConfiguration(name="a", application="/no/such/pi.py")
    assert "/no/such/pi.py" in str(error.value)
    assert "existing file" in faults_of(error)["application"]


def test_reserved_application_name(program: str) -> None:
    with pytest.raises(InvalidConfigurationError, match="reserved"):
        ApplicationConfiguration(name="aztk-master", application=program)


def test_jar_needs_its_main_class_and_python_refuses_one(program: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ApplicationConfiguration(name="a", application="https://host/x.jar")
    assert "main method" in faults_of(error)["main_class"]
    with pytest.raises(InvalidConfigurationError, match="jars only"):
        ApplicationConfiguration(name="a", application=program, main_class="x.Y")


@pytest.mark.parametrize("bad", ["lots", "1.5g", "-1g", "g", ""])
def test_memory_must_be_a_number_and_a_unit(program: str, bad: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ApplicationConfiguration(name="a", application=program, driver_memory=bad, executor_memory="2g")
    assert set(faults_of(error)) == {"driver_memory"}


def test_cores_may_be_text_as_in_aztk(program: str) -> None:
    assert ApplicationConfiguration(name="a", application=program, driver_cores="2").driver_cores == 2  # type: ignore[arg-type]


def test_remote_files_are_not_looked_for(program: str) -> None:
    app = ApplicationConfiguration(
        name="a", application="abfss://c@a.dfs.core.windows.net/p.py", jars=["https://host/a.jar", "local:///opt/b.jar"]
    )
    assert app.jars == ("https://host/a.jar", "local:///opt/b.jar")


def test_job_names_the_fault_in_its_application(program: str) -> None:
    job = {
        "id": "j",
        "max_dedicated_nodes": 1,
        "applications": [
            {"name": "good", "application": program},
            {"name": "bad", "application": program, "driver_memory": "x", "colour": "red"},
        ],
    }
    with pytest.raises(InvalidConfigurationError) as error:
        JobConfiguration.from_dict(job)
    assert set(faults_of(error)) == {"applications[1].driver_memory", "applications[1].colour"}


def test_job_takes_aztks_positional_arguments(program: str) -> None:
    app = ApplicationConfiguration(name="a", application=program)
    job = JobConfiguration("j", [app], None, None, "standard_d2s_v5", "my/spark:1", 2)
    assert (job.cluster().cluster_id, job.cluster().vm_count, job.cluster().docker_repo) == ("j", 2, "my/spark:1")


def test_job_refuses_names_that_differ_by_case(program: str) -> None:
    apps = [ApplicationConfiguration(name=name, application=program) for name in ("Etl", "etl")]
    with pytest.raises(InvalidConfigurationError, match="a name of its own"):
        JobConfiguration(id="j", applications=apps, max_dedicated_nodes=1)


def test_job_without_applications_or_nodes() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        JobConfiguration(id="j")
    assert set(faults_of(error)) == {"applications", "max_dedicated_nodes, max_low_pri_nodes"}


def test_what_aztk_had_and_we_have_not_is_refused_by_name() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration.from_dict({"cluster_id": "c", "vm_count": 1, "plugins": ["jupyter"]})
    assert "custom_scripts" in faults_of(error)["plugins"]


def test_run_on_and_script_are_checked_together() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        CustomScript(script="/no/such.sh", run_on="everywhere")
    assert set(faults_of(error)) == {"script", "run_on"}


def test_spark_configuration_checks_its_files() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        SparkConfiguration(spark_defaults_conf="/no/a", jars=["/no/b.jar"])
    assert set(faults_of(error)) == {"spark_defaults_conf", "jars[0]"}


def test_secrets_of_an_application_are_in_no_repr_and_no_fault(program: str) -> None:
    app = ApplicationConfiguration(name="a", application=program, secret_conf={"spark.k": "hush-hush"})
    assert "hush-hush" not in repr(app)
    with pytest.raises(InvalidConfigurationError) as error:
        ApplicationConfiguration(name="a", application=program, secret_env="hush-hush")  # type: ignore[arg-type]
    assert "hush-hush" not in str(error.value)
    assert "secret_env" in faults_of(error)


def test_a_switch_given_as_another_text_is_refused(program: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration(cluster_id="c", vm_count=1, gpu_enabled="no")  # type: ignore[arg-type]
    assert "true or false" in faults_of(error)["gpu_enabled"]


@pytest.mark.parametrize(
    ("field", "program", "more", "where"),
    [
        ("files", "app.py", ["https://h/app.py?sig=1"], "files[0]"),
        ("files", "https://h/app.py?sig=1", ["https://h/other/app.py?sig=1"], "files[0]"),
        ("py_files", "app.py", ["https://h/app.py?sig=1"], "py_files[0]"),
        ("jars", "app.py", ["my lib.jar", "my_lib.jar"], "jars[1]"),
    ],
)
def test_what_the_node_fetches_or_renames_has_a_name_of_its_own_too(
    tmp_path: Path, field: str, program: str, more: list[str], where: str
) -> None:
    for name in ("app.py", "my lib.jar", "my_lib.jar"):
        (tmp_path / name).write_text("")
    given = [path if "://" in path else str(tmp_path / path) for path in (program, *more)]
    with pytest.raises(InvalidConfigurationError) as error:
        ApplicationConfiguration(name="app", application=given[0], **{field: given[1:]})  # type: ignore[arg-type]
    assert "same file name" in faults_of(error)[where]
    # What Spark itself fetches does not stand in the driver's directory.
    ApplicationConfiguration(name="app", application=str(tmp_path / "app.py"), files=["https://h/app.py"])


def test_two_files_of_one_name_cannot_stand_in_one_directory(tmp_path: Path) -> None:
    paths = {}
    for name in ("one/data.csv", "two/data.csv", "two/app.py", "one/app.py", "one/x.jar"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        paths[name] = str(path)
    with pytest.raises(InvalidConfigurationError) as error:
        ApplicationConfiguration(
            name="a",
            application=paths["one/app.py"],
            files=[paths["one/data.csv"], paths["two/data.csv"]],
            py_files=[paths["two/app.py"]],
        )
    faults = faults_of(error)
    assert set(faults) == {"files[1]", "py_files[0]"}
    assert faults["files[1]"].startswith("files[0] has the same file name")
    assert "rename one" in faults["py_files[0]"]
    same = str(tmp_path / "two" / ".." / "one" / "data.csv")
    ApplicationConfiguration(
        name="a",
        application=paths["one/app.py"],
        files=[paths["one/data.csv"], same, f"file://{paths['one/data.csv']}"],
        jars=[paths["one/x.jar"]],
    )
    with pytest.raises(InvalidConfigurationError, match=r"files\[0\] has the same file name"):
        ApplicationConfiguration(
            name="a", application=paths["one/app.py"], files=[paths["one/data.csv"], "https://host/data.csv"]
        )
