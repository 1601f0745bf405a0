"""AZTK's YAML files are read, older ones too, and what is saved is read back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    JobConfiguration,
    SecretsConfiguration,
)

if TYPE_CHECKING:
    from pathlib import Path

ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
counts = st.integers(min_value=1, max_value=50)
durations = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=180))
clusters = st.builds(
    ClusterConfiguration,
    cluster_id=ids,
    vm_count=counts,
    vm_size=st.sampled_from(["standard_d2s_v5", "standard_e8_v5"]),
    max_lifetime=st.none() | durations.map(lambda value: value + timedelta(days=180)).map(lambda value: value / 2),
    idle_timeout=st.none() | st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=90)),
    default_cores=st.none() | counts,
    os_disk_size_gb=st.integers(min_value=64, max_value=4095),
    reserves=st.dictionaries(st.sampled_from(["cores", "system_memory_mb"]), counts),
    metadata=st.dictionaries(ids.filter(lambda name: not name.startswith("aztk_")), texts, max_size=3),
)
applications = st.builds(
    ApplicationConfiguration,
    name=ids.filter(lambda name: not name.lower().startswith("aztk-")),
    application=st.just("https://host/p.py"),
    application_args=st.lists(texts, max_size=4),
    driver_memory=st.none() | st.sampled_from(["1g", "512m"]),
    executor_cores=st.none() | st.integers(min_value=1, max_value=4),
    max_retry_count=st.integers(min_value=0, max_value=5),
    conf=st.dictionaries(st.from_regex(r"spark\.x[!-~]{0,20}", fullmatch=True), texts, max_size=3),
    secret_env=st.dictionaries(st.from_regex(r"X[A-Z0-9_]{0,9}", fullmatch=True), texts, max_size=2),
    max_wall_clock=st.none() | durations,
)


@settings(deadline=None)  # a busy machine is no fault
@given(clusters)
def test_clusters_round_trip(conf: ClusterConfiguration) -> None:
    assert ClusterConfiguration.from_dict(conf.to_dict()) == conf
    assert ClusterConfiguration.from_yaml(conf.to_yaml()) == conf


@settings(deadline=None)
@given(
    st.builds(
        JobConfiguration,
        id=ids,
        applications=st.lists(applications, min_size=1, max_size=1),
        max_dedicated_nodes=counts,
    )
)
def test_jobs_round_trip(conf: JobConfiguration) -> None:
    assert JobConfiguration.from_dict(conf.to_dict()) == conf
    assert JobConfiguration.from_yaml(conf.to_yaml()) == conf


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_cluster_file_with_what_lies_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "spark-defaults.conf", "spark.eventLog.enabled false\n")
    write(tmp_path, "jars/a.jar", "")
    write(tmp_path, "setup.sh", "#!/bin/sh\n")
    text = "id: my-spark\nvm_size: standard_d4s_v5\nsize: 2\nsize_low_priority:\nusername:\n"
    text += "custom_scripts:\n- script: setup.sh\n  runOn: worker\nplugins: []\n"
    conf = ClusterConfiguration.from_yaml(write(tmp_path, "cluster.yaml", text))
    assert (conf.cluster_id, conf.vm_count, conf.vm_low_pri_count) == ("my-spark", 2, None)
    assert (conf.custom_scripts[0].script, conf.custom_scripts[0].run_on) == (str(tmp_path / "setup.sh"), "worker")
    assert conf.spark_configuration is not None
    assert conf.spark_configuration.spark_defaults_conf == str(tmp_path / "spark-defaults.conf")
    assert conf.spark_configuration.jars == (str(tmp_path / "jars/a.jar"),)


@pytest.mark.parametrize(("key", "field"), [("vm_count", "vm_count"), ("size_low_pri", "vm_low_pri_count")])
def test_older_names(key: str, field: str) -> None:
    assert getattr(ClusterConfiguration.from_yaml(f"id: c\n{key}: 3\n"), field) == 3


def test_job_file(tmp_path: Path) -> None:
    write(tmp_path, "pi.py", "")
    text = (
        "job:\n  id: nightly\n  cluster_configuration:\n    vm_size: standard_d2s_v5\n    size: 3\n"
        "    toolkit:\n      software: spark\n      version: 4.1.4\n"
        "  applications:\n  - name: pi\n    application: pi.py\n    application_args: ['10']\n    driver_memory:\n"
    )
    job = JobConfiguration.from_yaml(write(tmp_path, "job.yaml", text))
    assert (job.id, job.max_dedicated_nodes, job.docker_repo) == ("nightly", 3, "apache/spark:4.1.4-python3")
    assert job.applications[0].application == str(tmp_path / "pi.py")
    assert job.applications[0].application_args == ("10",)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("plugins: [{name: jupyter}]", "plugins"),
        ("toolkit: {software: hadoop}", "toolkit.software"),
        ("toolkit: {environment: anaconda}", "toolkit.environment"),
        ("file_shares: [{mount_path: /x}]", "file_shares"),
        ("username: spark", "username"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(line: str, field: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration.from_yaml(f"id: c\nsize: 1\n{line}\n")
    assert [fault.field for fault in error.value.faults] == [field]


def test_secrets_file_with_key_from_a_path(tmp_path: Path) -> None:
    public = write(tmp_path, "id_rsa.pub", "ssh-rsa AAAA me\n")
    text = (
        "service_principal:\n  tenant_id:\nshared_key:\n  batch_account_name: b\n  batch_account_key: QUJD\n"
        "  batch_service_url: https://b.region.batch.azure.com\n"
        "  storage_account_name: s\n  storage_account_key: QUJD\n"
        f"docker:\n  username:\ndefault:\n  ssh_pub_key: {public}\n"
    )
    secrets = SecretsConfiguration.from_yaml(write(tmp_path, "secrets.yaml", text))
    assert secrets.shared_key is not None
    assert secrets.service_principal is None
    assert secrets.ssh_pub_key == "ssh-rsa AAAA me"


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "/no/such/file.yaml"])
def test_what_is_no_file_and_no_yaml(text: str) -> None:
    source: Any = text
    with pytest.raises(InvalidConfigurationError):
        ClusterConfiguration.from_yaml(source)


def test_a_template_with_blanks_and_numbers_is_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "pi.py").write_text("pass")
    path = tmp_path / "job.yaml"
    path.write_text(
        "job:\n  id: x\n  applications:\n  - name: a\n    application: ./pi.py\n"
        "    application_args: [100, 010, 1.50, yes, 2020-01-01]\n    jars:\n      -\n    py_files:\n      -\n"
        "  cluster_configuration:\n    size: 3\n    custom_scripts:\n      -\n"
    )
    app = JobConfiguration.from_yaml(path).applications[0]
    assert app.application_args == ("100", "010", "1.50", "yes", "2020-01-01")
    assert app.jars == app.py_files == ()


@pytest.mark.parametrize(
    ("model", "text", "field"),
    [
        (ClusterConfiguration, "id: a\nsize: 1\ntoolkit: spark\n", "toolkit"),
        (ClusterConfiguration, "id: a\nsize: 1\ntoolkit: {software: spark, foo: bar}\n", "toolkit.foo"),
        (ClusterConfiguration, "id: a\nsize: 1\ncustom_scripts: 5\n", "custom_scripts"),
        (ClusterConfiguration, "id: a\nsize: 1\nspark_configuration: x\n", "spark_configuration"),
        (ClusterConfiguration, "id: a\nsize: 1\nspark_configuration: {jars: x.jar}\n", "spark_configuration.jars"),
        (JobConfiguration, "job: x\n", "job"),
        (JobConfiguration, "job: [1]\n", "job"),
        (JobConfiguration, "job: {id: x, applications: 5}\n", "applications"),
        (JobConfiguration, "job: {id: x, cluster_configuration: [1]}\n", "cluster_configuration"),
        (JobConfiguration, "job: {id: x}\nfoo: bar\n", "foo"),
        (
            JobConfiguration,
            "job: {id: x, vm_size: a, cluster_configuration: {vm_size: b}}\n",
            "cluster_configuration.vm_size",
        ),
        (SecretsConfiguration, "default: x\n", "default"),
    ],
)
def test_what_is_of_a_wrong_shape_is_refused_by_name(model: Any, text: str, field: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        model.from_yaml(text)
    assert field in [fault.field for fault in error.value.faults]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfigurationError, match="not YAML"):
        ClusterConfiguration.from_yaml(tmp_path / "x.yaml")
