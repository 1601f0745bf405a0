"""Templates that render to nothing are refused by their place; signatures are masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import redact

from airflow_provider_aztk.client import models
from airflow_provider_aztk.configuration.build import load, to_model
from airflow_provider_aztk.configuration.several import definitions
from airflow_provider_aztk.naming import checked_id
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator, AztkSubmitApplicationsOperator
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator, AztkDeleteClusterOperator
from airflow_provider_aztk.operators.job import AztkSubmitJobOperator
from airflow_provider_aztk.sensors.cluster import AztkClusterSensor
from tests.support.airflow_home import Context

HERE = str(Path(__file__))
CONTEXT: Any = {"params": {"nothing": None, "word": "word"}}
NOTHING = "{{ params.nothing }}"


def rendered(operator: Any, native: bool = False, folder: Path | None = None) -> Any:
    """Render an operator's fields as a worker does."""
    search = [str(folder)] if folder else None
    dag = DAG("etl", schedule=None, render_template_as_native_obj=native, template_searchpath=search)
    operator.dag = dag
    operator.resolve_template_files()
    operator.render_template_fields(CONTEXT)
    return operator


def application(**given: Any) -> dict[str, Any]:
    return {"name": "a", "application": HERE, **given}


PLACES = [
    ({"application_args": ["x", NOTHING]}, r"application_args\[1\]"),
    ({"application_args": ["x", f"--day={NOTHING}"]}, r"application_args\[1\]"),
    ({"conf": {"spark.x": NOTHING}}, r"conf\.spark\.x"),
    ({"env": {"X": f"s3/{NOTHING}/x"}}, r"env\.X"),
    ({"py_files": [NOTHING]}, r"py_files\[0\]"),
    ({"main_class": f"x.{NOTHING}"}, "main_class"),
]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("given", "place"), PLACES)
def test_nothing_in_an_application_is_refused_by_its_place(given: dict[str, Any], place: str, native: bool) -> None:
    operator = AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application=application(**given))
    rendered(operator, native)
    with pytest.raises(ValueError, match=place) as raised:
        to_model(models.ApplicationConfiguration, load(operator.application, "application"), [])
    assert "None" in str(raised.value)
    assert "\u2063" not in str(raised.value)


@pytest.mark.parametrize("quote", ["'", ""])
def test_nothing_in_a_file_is_refused_by_its_place(tmp_path: Path, quote: str) -> None:
    text = f"name: a\napplication: {HERE}\napplication_args:\n- x\n- {quote}{NOTHING}{quote}\n"
    (tmp_path / "app.yaml").write_text(text)
    operator = AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application="app.yaml")
    rendered(operator, folder=tmp_path)
    with pytest.raises(ValueError, match=r"application\.application_args\[1\]='None': a template renders to None"):
        load(operator.application, "application")


def test_every_place_is_named_at_once_in_a_job() -> None:
    apps = [application(), application(name="b", application_args=[NOTHING], env={"X": NOTHING})]
    operator = rendered(AztkSubmitJobOperator(task_id="t", job_configuration={"id": "j", "applications": apps}))
    with pytest.raises(ValueError, match=r"applications\[1\]\.application_args\[0\].*applications\[1\]\.env\.X"):
        load(operator.job_configuration, "job_configuration")


def test_nothing_in_a_list_of_applications() -> None:
    operator = rendered(
        AztkSubmitApplicationsOperator(task_id="t", cluster_id="c", applications=[application(), NOTHING])
    )
    with pytest.raises(ValueError, match=r"applications\[1\]"):
        [
            load(one, f"applications[{index}]")
            for index, one in enumerate(definitions(operator.applications, "applications"))
        ]


@pytest.mark.parametrize("native", [False, True])
def test_an_id_that_is_nothing(native: bool) -> None:
    for given in (NOTHING, f"nightly-{NOTHING}"):
        operator = rendered(AztkDeleteClusterOperator(task_id="t", cluster_id=given), native)
        with pytest.raises(ValueError, match=r"cluster_id=.*None"):
            checked_id(operator.cluster_id, "cluster_id")
        sensor = rendered(AztkClusterSensor(task_id="s", cluster_id=given), native)
        with pytest.raises(AirflowException, match=r"cluster_id=.*None"):
            sensor.make_trigger()


def test_the_id_of_a_new_cluster() -> None:
    operator = rendered(
        AztkCreateClusterOperator(task_id="t", cluster_conf={"cluster_id": f"x-{NOTHING}", "vm_count": 1})
    )
    with pytest.raises(ValueError, match=r"cluster_conf\.cluster_id='None'"):
        load(operator.cluster_conf, "cluster_conf")


def test_an_optional_field_that_is_none_altogether_is_not_set_where_values_stay_as_they_are() -> None:
    given = application(driver_memory=NOTHING, main_class=NOTHING)
    operator = rendered(AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application=given), native=True)
    model = to_model(models.ApplicationConfiguration, load(operator.application, "application"), [])
    assert (model.driver_memory, model.main_class) == (None, None)


def test_the_word_none_and_other_templates_are_left_alone() -> None:
    given = application(application_args=["None", "{{ params.word }}", "{{ params.nothing or 'x' }}"])
    operator = rendered(AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application=given))
    assert load(operator.application, "application")["application_args"] == ["None", "word", "x"]


@pytest.mark.parametrize("value", [None, 5.5])
def test_nones_of_another_tasks_output_are_named_by_their_index(value: Any) -> None:
    given = load(application(application_args=["x", value], py_files=[]), "application")
    if value is None:
        with pytest.raises(ValueError, match=r"application_args\[1\]=None"):
            to_model(models.ApplicationConfiguration, given, [])
    else:
        assert to_model(models.ApplicationConfiguration, given, []).application_args == ("x", "5.5")


def test_what_stands_beside_a_job_is_not_lost() -> None:
    operator = AztkSubmitJobOperator(task_id="t", job_configuration={"job": {"applications": []}, "vm_size": "x"})
    with pytest.raises(ValueError, match=r"job_configuration\.vm_size: move it under 'job'"):
        _ = operator.make_work(Context()).definition  # type: ignore[arg-type]


def test_what_is_wrong_with_several_definitions_is_raised_together() -> None:
    bad = [application(driver_memory="lots"), application(), application(application_args=[None], conf={"x": "y"})]
    operator = AztkSubmitApplicationsOperator(task_id="t", cluster_id="c", applications=bad)
    expected = r"applications\[0\].*driver_memory.*applications\[2\].*application_args\[0\].*conf\.x"
    operator.dag = DAG("etl", schedule=None)
    with pytest.raises(ValueError, match=expected):
        _ = operator.make_work(Context()).definitions  # type: ignore[arg-type]


def test_signatures_are_masked_from_the_rendering_on() -> None:
    url = "https://a.blob.core.windows.net/c/app.py?sv=1&sig=Q1w2E3r4T5y6%2FU7i8"
    rendered(AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application=application(application=url)))
    for secret in ("Q1w2E3r4T5y6%2FU7i8", "Q1w2E3r4T5y6/U7i8"):
        assert "Q1w2" not in str(redact({"fields": f"...{secret}..."}))


class TestFilesByTheirPath:
    NAME = "runs/manual__2026-01-01T00:00:00+00:00/cluster.yaml"

    def file(self, folder: Path) -> Path:
        path = folder / self.NAME
        path.parent.mkdir(parents=True)
        path.write_text("id: c\nsize: 2\nmetadata: {zip: 01234, word: '{{ params.word }}'}\n")
        return path

    @pytest.mark.parametrize("absolute", [True, False])
    def test_what_exists_is_a_file(self, tmp_path: Path, absolute: bool) -> None:
        path = self.file(tmp_path)
        given = str(path) if absolute else self.NAME
        operator = rendered(AztkCreateClusterOperator(task_id="t", cluster_conf=given), folder=tmp_path)
        model = to_model(models.ClusterConfiguration, load(operator.cluster_conf, "cluster_conf"), [])
        assert (model.cluster_id, model.vm_count) == ("c", 2)
        assert model.metadata == {"zip": "01234", "word": "word"}

    @pytest.mark.parametrize("given", [NAME, f"/nowhere/{NAME}"])
    def test_what_does_not_exist_is_named(self, tmp_path: Path, given: str) -> None:
        operator = AztkCreateClusterOperator(task_id="t", cluster_conf=given)
        with pytest.raises(ValueError, match="no such file"):
            rendered(operator, folder=tmp_path)
