"""One reading of text to data, for the client and for the operators: what is written is what is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    JobConfiguration,
    SecretsConfiguration,
)
from airflow_provider_aztk.configuration.build import load, parsed_template, to_model
from airflow_provider_aztk.configuration.several import definitions

HERE = str(Path(__file__))
WORDS = [
    "022",
    "01234",
    "1.10",
    "12:30",
    "NO",
    "on",
    "1_000",
    "2026-01-01",
    "0x1F",
    "~",
    "null",
    "1e3",
    ".inf",
    "+7",
    "=",
]
SECRET = "hunter2-hunter2"


def by_client(text: str) -> ApplicationConfiguration:
    return ApplicationConfiguration.from_yaml(text)


def by_operator(text: str) -> ApplicationConfiguration:
    return to_model(ApplicationConfiguration, load(text, "application"), [])  # type: ignore[no-any-return]


def by_a_list_file(text: str) -> ApplicationConfiguration:
    listed = "- " + text.replace("\n", "\n  ").rstrip() + "\n"
    (found,) = definitions(listed, "applications")
    return to_model(ApplicationConfiguration, load(found, "application"), [])  # type: ignore[no-any-return]


READERS = pytest.mark.parametrize("read", [by_client, by_operator, by_a_list_file])


@READERS
@pytest.mark.parametrize("word", WORDS)
def test_texts_are_taken_as_they_are_written(read: Any, word: str) -> None:
    app = read(
        f"name: a\napplication: {HERE}\napplication_args: [{word}, x]\nconf: {{spark.hadoop.umask: {word}}}\n"
        f"env:\n  ZIP: {word}\nsecret_env: {{}}\n"
    )
    assert app.application_args == (word, "x")
    assert (app.conf, app.env) == ({"spark.hadoop.umask": word}, {"ZIP": word})


@pytest.mark.parametrize("word", WORDS)
def test_metadata_and_ids_are_taken_as_they_are_written(word: str) -> None:
    assert ClusterConfiguration.from_yaml(f"id: c\nsize: 1\nmetadata: {{x: {word}}}\n").metadata == {"x": word}
    assert ClusterConfiguration.from_yaml("id: 0123\nsize: 1\n").cluster_id == "0123"
    assert by_client(f"name: 007\napplication: {HERE}\n").name == "007"


@READERS
def test_numbers_and_switches_are_read_as_their_kind(read: Any) -> None:
    app = read(f"name: a\napplication: {HERE}\nmax_retry_count: 2\nhadoop_azure: yes\ndriver_cores: 3\n")
    assert (app.max_retry_count, app.hadoop_azure, app.driver_cores) == (2, True, 3)


@READERS
@pytest.mark.parametrize(
    "line", ["max_retry_count: 1_000", "driver_cores: 0x10", "driver_cores: 12:30", "hadoop_azure: 1"]
)
def test_what_is_no_number_or_switch_is_refused_by_name(read: Any, line: str) -> None:
    with pytest.raises(InvalidConfigurationError, match=line.partition(":")[0]):
        read(f"name: a\napplication: {HERE}\n{line}\n")


@READERS
def test_a_blank_is_not_set(read: Any) -> None:
    app = read(
        f"name: a\napplication: {HERE}\napplication_args:\n-\njars:\n-\npy_files:\n-\nfiles: [ ]\n"
        "conf:\n  spark.x:\nenv:\ndriver_memory:\nmain_class: null\n"
    )
    assert (app.application_args, app.jars, app.py_files, app.conf, app.env) == ((), (), (), {}, {})
    assert (app.driver_memory, app.main_class) == (None, None)


@pytest.mark.parametrize("read", [by_client, by_operator])
def test_json_is_taken_as_it_is_written(read: Any) -> None:
    text = f'{{"name": "a", "application": {json.dumps(HERE)}, "application_args": [1.10, true, "\\ud83d\\ude00"],'
    app = read(text + '\n\t"conf": {"spark.x": 1e3}, "hadoop_azure": true, "max_retry_count": 1}')
    assert app.application_args == ("1.10", "true", "😀")
    assert (app.conf, app.hadoop_azure, app.max_retry_count) == ({"spark.x": "1e3"}, True, 1)


def test_a_list_in_json() -> None:
    (found,) = definitions('[{"name": "a", "application_args": [010.5, 7]}]'.replace("010.5", "1.50"), "applications")
    assert found == {"name": "a", "application_args": ["1.50", "7"]}


@READERS
@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")])
def test_byte_order_mark_and_crlf(read: Any, change: Any) -> None:
    text = f"name: a\napplication: {HERE}\nenv:\n  A: 010\n"
    if read is by_a_list_file:
        text = change(f"- name: a\n  application: {HERE}\n  env:\n    A: 010\n")
        assert definitions(text, "applications")[0]["env"] == {"A": "010"}
    else:
        assert read(change(text)).env == {"A": "010"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("id: c\r\nsize: 1\r\nmetadata:\r\n  owner: Zoë\r\n", encoding=encoding)
    assert ClusterConfiguration.from_yaml(path).metadata == {"owner": "Zoë"}


def test_a_file_in_another_encoding_is_refused_and_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("id: c\nsize: 1\nmetadata: {owner: Zoë}\n".encode("latin-1"))
    with pytest.raises(InvalidConfigurationError, match="UTF-8"):
        ClusterConfiguration.from_yaml(tmp_path / "c.yaml")


BROKEN = [
    ("conf:\n  spark.x: {s}\n  spark.x: {s}2\n", r"conf\.spark\.x=line \d+: it is given twice"),
    ("name: {s}\nname: {s}2\n", r"name=line \d+: it is given twice"),
    ("env: {A: 1}\n---\nenv: {A: {s}}\n", "another document"),
    ("env:\n\tA: {s}\n", r"line 2.*tab"),
    ("env:\n  A: !secret {s}\n", r"env\.A=line 2: take the tag out"),
    ("env: !!set {A: 1}\n", r"env=line 1: take the tag out"),
    ("env: *{s}\n", "anchor"),
    ("env:\n  ? [a, {s}]\n  : 1\n", r"env=line 2: a name of a field must be a text"),
    ("env:\n  A: {s}\x07\n", r"\(file\)=not YAML: line 2"),
    ("a: &a [*a]\n", "nested too deeply"),
    ("a: " + "[" * 800, "nested too deeply|not YAML"),
    ('{"env": {"A": "{s}", "A": "2"}}', r"env\.A=\(given\): it is given twice"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
@pytest.mark.parametrize("read", [by_client, by_operator, lambda text: definitions(text, "applications")])
def test_what_is_broken_names_its_place_and_is_never_quoted(read: Any, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as raised:
        read(text.replace("{s}", SECRET))
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_aliases_of_aliases_do_not_eat_the_machine() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(InvalidConfigurationError, match="too large"):
        ClusterConfiguration.from_yaml(text)


def test_anchors_and_merges_are_read() -> None:
    app = by_client(
        f"env: &e {{A: 010, B: 2}}\nname: a\napplication: {HERE}\nconf:\n  spark.a: &v 022\n  spark.b: *v\n"
    )
    assert app.conf == {"spark.a": "022", "spark.b": "022"}
    job = JobConfiguration.from_yaml(
        f"id: j\nmax_dedicated_nodes: 1\napplications:\n- &a {{name: a, application: {HERE}, env: {{A: 010}}}}\n"
        "- {<<: *a, name: b}\n"
    )
    assert [(app.name, app.env) for app in job.applications] == [("a", {"A": "010"}), ("b", {"A": "010"})]


def test_all_faults_of_a_file_come_together_with_their_paths() -> None:
    text = (
        "wait: true\nusername: spark\njob:\n  id: a b\n  cluster_configuration:\n    size: 1\n"
        "    toolkit: {software: hadoop, environment: x, foo: 1}\n"
        "  applications:\n  - {name: a, application: /nowhere.py}\n"
        f"  - {{name: b, application: {HERE}, driver_memory: lots, conf: {{x: y, spark.master: z}}, colour: red}}\n"
    )
    for read in (JobConfiguration.from_yaml, lambda given: JobConfiguration.from_aztk(load(given, "job"))):
        with pytest.raises(InvalidConfigurationError) as error:
            read(text)
        assert {fault.field for fault in error.value.faults} >= {
            "wait", "username", "id", "toolkit.software", "toolkit.environment", "toolkit.foo",
            "applications[0].application", "applications[1].driver_memory", "applications[1].conf.x",
            "applications[1].conf.spark.master", "applications[1].colour",
        }  # fmt: skip


def test_a_missing_name_does_not_hide_the_other_faults() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration.from_yaml("id:\nsize: -1\nplugins:\n- name: hdfs\n")
    assert {fault.field for fault in error.value.faults} == {"cluster_id", "vm_count", "plugins"}


STOCK_CLUSTER = """\
## cluster settings
# id: <id of the cluster to be created>
toolkit:
  software: spark
  version: 2.3.0
  # environment: {environment}
vm_size: standard_a2
size: 2
# size_low_priority: <number of low priority nodes>
username: spark
plugins:
  # - name: spark_ui_proxy
wait: true
"""
STOCK_JOB = """\
job:
  id: job
  cluster_configuration:
    vm_size: standard_f2
    size: 3
    toolkit:
      software: spark
      version: 3.5.1
      environment:
    subnet_id:
    custom_scripts:
      -
  applications:
    - name: pipy100
      application: {here}
      application_args:
        - 100
      main_class:
      jars:
        -
      py_files:
        -
      files:
        -
      driver_java_options:
        -
      driver_library_path:
      driver_class_path:
      driver_memory:
      executor_memory:
      driver_cores:
      executor_cores:
  spark_configuration:
    spark_defaults_conf:
    spark_env_sh:
    core_site_xml:
"""


def test_the_stock_cluster_file_tells_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(STOCK_CLUSTER)
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration.from_yaml(tmp_path / "cluster.yaml")
    assert {fault.field for fault in error.value.faults} == {"cluster_id", "wait", "username", "toolkit.version"}


def test_the_stock_job_file_loads_alike_for_client_and_operator() -> None:
    text = STOCK_JOB.replace("{here}", HERE)
    by_file = JobConfiguration.from_yaml(text)
    assert by_file.applications[0].application_args == ("100",)
    assert (by_file.max_dedicated_nodes, by_file.docker_repo) == (3, "apache/spark:3.5.1-python3")
    assert to_model(JobConfiguration, load(text, "job_configuration"), []) == by_file


def test_a_file_of_another_kind_tells_all_that_it_does_not_know() -> None:
    ssh = "username: spark\njob_ui_port: 4040\nweb_ui_port: 8080\njupyter_port: 8888\nhost: yes\nconnect: true\n"
    with pytest.raises(InvalidConfigurationError) as error:
        ClusterConfiguration.from_yaml(ssh)
    named = {fault.field for fault in error.value.faults}
    assert named >= {"username", "job_ui_port", "web_ui_port", "jupyter_port", "host", "connect", "cluster_id"}


@pytest.mark.parametrize("version", ["2.3.0", "3.2.4", "latest", "4"])
def test_a_toolkit_whose_image_does_not_exist_is_refused(version: str) -> None:
    with pytest.raises(InvalidConfigurationError, match=r"toolkit\.version"):
        ClusterConfiguration.from_yaml(f"id: c\nsize: 1\ntoolkit: {{software: spark, version: {version}}}\n")


class TestPaths:
    """What exists is a file, whatever its name; what looks like a path and does not exist is no YAML."""

    NAME = "runs/manual__2026-01-01T00:00:00+00:00/cluster.yaml"

    def test_an_existing_file_with_colons(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / self.NAME
        path.parent.mkdir(parents=True)
        path.write_text("id: c\nsize: 1\n")
        monkeypatch.chdir(tmp_path)
        for given in (self.NAME, str(path), path, f"{path}\n"):
            assert ClusterConfiguration.from_yaml(given).cluster_id == "c"
        assert load(str(path), "cluster_conf") == {"id": "c", "size": "1"}

    @pytest.mark.parametrize("model", [ClusterConfiguration, JobConfiguration, SecretsConfiguration])
    @pytest.mark.parametrize(
        "given", [NAME, "a: b/c.yaml", "/no/such", "~/nothing/x.yml", "C:\\x\\cluster.yaml", "cluster"]
    )
    def test_what_looks_like_a_path_and_does_not_exist(self, model: Any, given: str) -> None:
        with pytest.raises(InvalidConfigurationError, match="no such file"):
            model.from_yaml(given)

    @pytest.mark.parametrize("given", [NAME, "/no/such.yaml"])
    def test_in_an_operator(self, given: str) -> None:
        with pytest.raises(ValueError, match="no such file"):
            load(given, "cluster_conf")
        with pytest.raises(ValueError, match="no such file"):
            definitions(given, "cluster_confs")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidConfigurationError, match="cannot be read"):
            ClusterConfiguration.from_yaml(tmp_path)

    def test_a_key_in_the_place_of_a_path_is_not_quoted(self) -> None:
        with pytest.raises(InvalidConfigurationError) as error:
            SecretsConfiguration.from_yaml("c2VjcmV0LWtl/eS00NzEx")
        assert "c2VjcmV0" not in str(error.value)

    @pytest.mark.parametrize("text", ["{id: c, size: 1}", "id: c\nsize: 1", '{"id": "c", "size": 1}'])
    def test_text_stays_text(self, text: str) -> None:
        assert ClusterConfiguration.from_yaml(text).cluster_id == "c"

    def test_a_key_file_that_does_not_exist(self) -> None:
        account = "shared_key: {batch_account_name: b, batch_account_key: QUJD, batch_service_url: 'https://b',"
        account += " storage_account_name: s, storage_account_key: QUJD}\n"
        with pytest.raises(InvalidConfigurationError, match="ssh_pub_key='\\*\\*\\*': no such file"):
            SecretsConfiguration.from_yaml(account + "ssh_pub_key: ~/.ssh/nobody.pub\n")
        long = "ssh-rsa " + "A" * 700
        assert SecretsConfiguration.from_yaml(account + f"ssh_pub_key: {long}\n").ssh_pub_key == long


def test_a_secret_under_a_name_that_is_given_twice_is_seen_before_it_is_rendered() -> None:
    text = f"secret_env:\n  K: {SECRET}\nsecret_env:\n  K: 'lake:password'\n"
    assert SECRET in repr(parsed_template(text))
