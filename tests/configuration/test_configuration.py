"""Configurations as Airflow hands them over after rendering: made plain, read, and refused by the name of the field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.configuration.build import as_template, load, to_model
from airflow_provider_aztk.configuration.paths import prepared
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.job import AztkSubmitJobOperator

HERE = str(Path(__file__))
APP: dict[str, Any] = {"name": "a", "application": HERE}
JOB: dict[str, Any] = {"id": "j", "vm_size": "standard_d2s_v5", "max_dedicated_nodes": 1}
CLUSTER: dict[str, Any] = {"cluster_id": "c", "vm_count": 1}
SECRET = "hunter2-hunter2"


class Lazy(Sequence[Any]):
    """What a mapped task's output is at run time: a sequence, and neither list nor tuple."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


class Colour(StrEnum):
    RED = "red"


class Size(Enum):
    TWO = 2


class TestSecretsInClearText:
    @pytest.mark.parametrize(
        "given",
        [
            {**APP, "secret_conf": {"k": SECRET}},
            {**APP, "secret_env": {"K": 4711}},
            {**APP, "secret_env": [SECRET]},
            {**APP, "secret_conf": SECRET},
            {**APP, "secret_conf": {"k": "{{ " + SECRET + " }}"}},
            {**APP, "env": {"DB_PASSWORD": SECRET}},
            {**APP, "env": [f"DB_PASSWORD={SECRET}"]},
            {**JOB, "applications": [APP, {**APP, "secret_conf": {"k": SECRET}}]},
            {**JOB, "applications": Lazy({**APP, "conf": {"fs.azure.account.key.x": SECRET}})},
            {"job": {**JOB, "applications": [{**APP, "secret_env": {"k": SECRET}}]}},
        ],
    )
    def test_they_are_refused_when_they_are_loaded(self, given: dict[str, Any]) -> None:
        with pytest.raises(
            ValueError, match=r"^application: .*(conf|env).*(my_conn:password|give a mapping)"
        ) as raised:
            load(given, "application")
        assert SECRET not in _all_text(raised.value)

    @pytest.mark.parametrize("write", [json.dumps, lambda data: f"name: a\nsecret_env:\n  K: {SECRET}\n"])
    def test_they_are_refused_in_files(self, write: Any) -> None:
        with pytest.raises(ValueError, match=r"application: secret_env\['K'\]") as raised:
            load(write({**APP, "secret_env": {"K": SECRET}}), "application")
        assert SECRET not in _all_text(raised.value)

    def test_a_models_own_are_refused(self) -> None:
        with pytest.raises(ValueError, match="secret_env") as raised:
            load(models.ApplicationConfiguration(**APP, secret_env={"K": SECRET}), "application")
        assert SECRET not in _all_text(raised.value)

    def test_a_broken_file_is_not_quoted(self) -> None:
        with pytest.raises(ValueError, match=r"application.*line 2") as raised:
            load(f"secret_env:\n  K: @{SECRET}\n", "application")
        assert SECRET not in _all_text(raised.value)

    def test_references_are_let_through(self) -> None:
        given = {**APP, "secret_conf": {"k": "lake:password"}, "secret_env": None, "conf": {"a": "b"}, "env": None}
        assert load(given, "application")["secret_conf"] == {"k": "lake:password"}

    def test_its_place_is_named(self) -> None:
        with pytest.raises(ValueError, match=r"^job_configuration: applications\[1\]\.secret_env\['K'\]: "):
            load({**JOB, "applications": [APP, {**APP, "secret_env": {"K": SECRET}}]}, "job_configuration")

    @pytest.mark.parametrize("value", [[SECRET], SECRET, 4711, {"K": 4711}])
    def test_they_are_refused_while_the_dag_is_parsed(self, value: Any) -> None:
        with pytest.raises(ValueError, match=r"secret_env.*my_conn:password") as raised:
            AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application={**APP, "secret_env": value})
        assert SECRET not in str(raised.value)

    def test_those_of_a_model_inside_a_dict_are_refused_too(self) -> None:
        application = models.ApplicationConfiguration(**APP, secret_env={"K": SECRET})
        with pytest.raises(ValueError, match=r"applications\[0\]\.secret_env"):
            AztkSubmitJobOperator(task_id="t", job_configuration={**JOB, "applications": [application]})

    @pytest.mark.parametrize("value", ["{{ params.x }}", {"K": "{{ params.x }}"}])
    def test_a_template_is_let_through_until_it_is_rendered(self, value: Any) -> None:
        AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application={**APP, "secret_env": value})


class TestSecretsInFilesOfADag:
    """Airflow reads template files while it parses a DAG, and would keep their text in its database."""

    def operator(self, folder: Path, name: str, text: str, *, listed: bool = False) -> Any:
        (folder / name).write_text(text)
        with DAG("etl", schedule=None, template_searchpath=[str(folder)]):
            if listed:
                return AztkSubmitApplicationsOperator(task_id="t", cluster_id="c", applications=[APP, name])
            return AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application=name)

    @pytest.mark.parametrize("listed", [False, True])
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.json", json.dumps({**APP, "secret_env": {"K": SECRET}})),
            ("a.yaml", f"name: '{{{{ x }}}}'\nsecret_env: {{K: {SECRET}}}\n"),
            ("a.yml", f"name: a\nenv:\n  DB_PASSWORD: {SECRET}\n"),
        ],
    )
    def test_they_are_refused(self, name: str, text: str, listed: bool, tmp_path: Path) -> None:
        operator = self.operator(tmp_path, name, text, listed=listed)
        with pytest.raises(ValueError, match=r"(secret_env\['K'\]|env\['DB_PASSWORD'\])") as raised:
            operator.resolve_template_files()
        assert SECRET not in _all_text(raised.value)

    @pytest.mark.parametrize(
        "text", ["name: a\nsecret_env: {K: 'lake:password'}\n", "name: {{ x }}\n", "{% if x %}\nname: a\n{% endif %}\n"]
    )
    def test_other_files_are_read(self, text: str, tmp_path: Path) -> None:
        operator = self.operator(tmp_path, "a.yaml", text)
        operator.resolve_template_files()
        assert operator.application == text


class TestValuesThatAirflowHandsOver:
    def test_a_model_inside_a_dict(self) -> None:
        data = load({**CLUSTER, "spark_configuration": models.SparkConfiguration(jars=[HERE])}, "cluster_conf")
        assert to_model(models.ClusterConfiguration, data, []).spark_configuration.jars == (HERE,)

    def test_models_in_a_list(self) -> None:
        data = load({**JOB, "applications": [models.ApplicationConfiguration(**APP)]}, "job_configuration")
        assert to_model(models.JobConfiguration, data, []).applications[0].name == "a"

    def test_a_model_by_itself_and_inside_is_a_template(self) -> None:
        given = {"job": {**JOB, "applications": (models.ApplicationConfiguration(**APP),)}}
        assert as_template(given) == {"job": {**JOB, "applications": [APP]}}

    def test_lazy_sequences(self) -> None:
        data = load({**JOB, "applications": Lazy({**APP, "application_args": Lazy("x", 5)})}, "job_configuration")
        assert to_model(models.JobConfiguration, data, []).applications[0].application_args == ("x", "5")

    def test_airflows_own_lazy_sequence(self) -> None:
        from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

        class Output(LazyXComSequence[str]):
            def __init__(self) -> None:
                self.items = ["x", "y"]

            def __len__(self) -> int:
                return 2

            def __iter__(self) -> Any:
                return iter(self.items)

        data = load({**APP, "application_args": Output()}, "application")
        assert to_model(models.ApplicationConfiguration, data, []).application_args == ("x", "y")

    def test_enums_tuples_paths_and_dates(self) -> None:
        data = {
            **APP, "conf": {"spark.k": Colour.RED}, "driver_cores": Size.TWO, "files": (Path(HERE),),
            "application_args": (date(2026, 11, 22), Colour.RED, 1.5, True), "max_wall_clock": timedelta(minutes=5),
        }  # fmt: skip
        model = to_model(models.ApplicationConfiguration, load(data, "application"), [])
        assert (model.conf, model.driver_cores, model.files) == ({"spark.k": "red"}, 2, (HERE,))
        assert model.application_args == ("2026-11-22", "red", "1.5", "True")
        assert model.max_wall_clock == timedelta(minutes=5)

    def test_arguments_in_a_file_stay_as_they_are_written(self) -> None:
        data = load(f"name: a\napplication: {HERE}\napplication_args: [010, 1.50, 2026-11-22]\n", "application")
        assert to_model(models.ApplicationConfiguration, data, []).application_args == ("010", "1.50", "2026-11-22")

    @pytest.mark.parametrize(("value", "fix"), [({"x"}, "give a list"), (object(), "object"), (b"x", "bytes")])
    def test_what_cannot_be_written_is_refused_by_name(self, value: Any, fix: str) -> None:
        for build in (load, lambda data, _: to_model(models.ApplicationConfiguration, data, [])):
            with pytest.raises(ValueError, match=rf"application_args\[1\].*{fix}|jars.*{fix}"):
                build({**APP, "application_args": ["x", value], "jars": ()}, "application")

    def test_a_set_of_jars_is_refused_since_their_order_counts(self) -> None:
        with pytest.raises(ValueError, match=r"application\.jars: .*set.*give a list"):
            load({**APP, "jars": {HERE}}, "application")


class TestTexts:
    @pytest.mark.parametrize(
        ("field", "text", "value"),
        [
            ("gpu_enabled", "False", False),
            ("gpu_enabled", "TRUE", True),
            ("worker_on_master", "false", False),
            ("reserves", {"system_memory_mb": "512"}, {"system_memory_mb": 512}),
            ("max_lifetime", "3600", timedelta(hours=1)),
            ("idle_timeout", "90.5", timedelta(seconds=90.5)),
            ("vm_count", " 2 ", 2),
            ("task_slots_per_node", "4", 4),
        ],
    )
    def test_rendered_values_are_read(self, field: str, text: Any, value: Any) -> None:
        given = {**CLUSTER, "vm_count": 2, "vm_size": "standard_nc4as_t4_v3", field: text}
        model = to_model(models.ClusterConfiguration, load(given, "cluster_conf"), [])
        assert getattr(model, field) == value
        assert type(getattr(model, field)) is type(value)

    def test_rendered_values_of_an_application_are_read(self) -> None:
        data = {**APP, "max_retry_count": "-1", "hadoop_azure": "true", "max_cores": "3", "max_wall_clock": "60"}
        model = to_model(models.ApplicationConfiguration, data, [])
        assert (model.max_retry_count, model.hadoop_azure, model.max_cores) == (-1, True, 3)
        assert model.max_wall_clock == timedelta(minutes=1)

    def test_rendered_values_of_a_job_are_read(self) -> None:
        data = {**JOB, "max_dedicated_nodes": "2", "worker_on_master": "False", "applications": [APP]}
        model = to_model(models.JobConfiguration, data, [])
        assert (model.max_dedicated_nodes, model.worker_on_master) == (2, False)

    @pytest.mark.parametrize(
        ("field", "text", "expected"),
        [
            ("gpu_enabled", "yes", r"gpu_enabled='yes': give true or false"),
            ("vm_count", "two", r"vm_count='two': give a whole number"),
            ("vm_count", "2.5", r"vm_count='2.5': give a whole number"),
            ("vm_count", "-1", r"vm_count=-1: give a whole number of at least 0"),
            ("reserves", {"cores": "x"}, r"reserves.cores='x': give a whole number"),
            ("max_lifetime", "soon", r"max_lifetime='soon': give a duration"),
            ("max_lifetime", "9" * 18, r"max_lifetime='9+': give a duration"),
        ],
    )
    def test_wrong_texts_are_refused(self, field: str, text: Any, expected: str) -> None:
        with pytest.raises(errors.InvalidConfigurationError, match=expected):
            to_model(models.ClusterConfiguration, load({**CLUSTER, field: text}, "cluster_conf"), [])


class TestShapes:
    @pytest.mark.parametrize(
        ("applications", "expected"),
        [
            (["a.yaml"], r"job_configuration\.applications\[0\]: give a dict.*got str"),
            ([APP, None], r"job_configuration\.applications\[1\]: give a dict.*got NoneType"),
            ([[APP]], r"job_configuration\.applications\[0\]: give a dict.*got list"),
            (APP, r"job_configuration\.applications: give a list.*got dict"),
            ("x", r"job_configuration\.applications: give a list.*got str"),
            (5, r"job_configuration\.applications: give a list.*got int"),
        ],
    )
    def test_applications_of_a_job(self, applications: Any, expected: str) -> None:
        with pytest.raises(ValueError, match=expected):
            load({**JOB, "applications": applications}, "job_configuration")

    @pytest.mark.parametrize("applications", [None, []])
    def test_a_job_without_applications_is_refused_by_the_model(self, applications: Any) -> None:
        with pytest.raises(errors.InvalidConfigurationError, match=r"applications=\[\]: give at least one"):
            to_model(models.JobConfiguration, load({**JOB, "applications": applications}, "job_configuration"), [])

    @pytest.mark.parametrize(("job", "got"), [([], "list"), ("x", "str"), (None, "NoneType")])
    def test_a_job_in_a_file(self, job: Any, got: str) -> None:
        with pytest.raises(ValueError, match=rf"job_configuration\.job: give a dict.*got {got}"):
            load({"job": job}, "job_configuration")

    def test_what_looks_like_a_date_is_a_text(self) -> None:
        assert load("name: 2026-13-01\n", "application") == {"name": "2026-13-01"}

    @pytest.mark.parametrize("value", ["- name: a\n- name: b\n", [APP], None, "", 5, object(), {1, 2}])
    def test_one_definition_must_be_a_mapping(self, value: Any) -> None:
        with pytest.raises(ValueError, match=r"^application: "):
            load(value, "application")

    def test_every_field_may_be_nonsense(self) -> None:
        nonsense: list[Any] = [[], {}, "x", 5, None, [None], [[1]], {"a": {"b": []}}, {5: 5}, {(1,): 1}, Lazy(5), b"x"]
        for model, good in ((models.JobConfiguration, JOB), (models.ClusterConfiguration, CLUSTER)):
            for field in (*good, "applications", "custom_scripts", "spark_configuration", "cluster_configuration",
                          "toolkit", "reserves", "metadata", "job", "jars", "conf"):  # fmt: skip
                for value in nonsense:
                    fault = _fault(model, {**good, "applications": [APP], field: value})
                    assert fault is None or field in fault or "applications" in fault

    def test_a_mapping_need_not_be_a_dict(self) -> None:
        class View(Mapping[str, Any]):
            def __getitem__(self, name: str) -> Any:
                return CLUSTER[name]

            def __iter__(self) -> Any:
                return iter(CLUSTER)

            def __len__(self) -> int:
                return len(CLUSTER)

        assert load(View(), "cluster_conf") == CLUSTER


def _fault(model: Any, data: dict[str, Any]) -> str | None:
    try:
        to_model(model, load(data, "given"), [])
    except ValueError as error:
        return str(error)
    return None


def _all_text(error: BaseException | None) -> str:
    """All that a traceback shows of an error."""
    texts = []
    while error is not None:
        texts.append(f"{error} {error!r}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)


def test_a_folder_of_scripts_is_found_beside_the_dag(tmp_path: Path) -> None:
    (tmp_path / "setup").mkdir()
    given = {"custom_scripts": [{"script": "setup"}]}
    assert prepared(given, [tmp_path]) == {"custom_scripts": [{"script": str(tmp_path / "setup")}]}
