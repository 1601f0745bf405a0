"""What all operators share: poll intervals, and definitions that are not file names."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from airflow.sdk import DAG

from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.cluster import AztkDeleteClusterOperator

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT: Any = {"x": "X"}


class TestPollInterval:
    @pytest.mark.parametrize(
        "bad", [0, -1, 0.0, float("nan"), float("inf"), "10", True, timedelta(0), timedelta(days=-1)]
    )
    def test_what_would_not_pause_is_refused(self, bad: Any) -> None:
        with pytest.raises(ValueError, match=r"poll_interval=.*greater than 0") as raised:
            AztkDeleteClusterOperator(task_id="t", cluster_id="c", poll_interval=bad)
        assert repr(bad) in str(raised.value)

    @pytest.mark.parametrize(("given", "seconds"), [(5, 5.0), (0.5, 0.5), (timedelta(minutes=1), 60.0), (None, 30.0)])
    def test_it_becomes_plain_seconds(self, given: Any, seconds: float) -> None:
        operator = AztkDeleteClusterOperator(task_id="t", cluster_id="c", poll_interval=given)
        assert (operator.poll_interval, type(operator.poll_interval)) == (seconds, float)


class TestRendering:
    def operator(self, application: Any) -> AztkSubmitApplicationOperator:
        return AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application=application)

    @pytest.mark.parametrize("end", [".json", ".yaml", ".yml"])
    @pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
    def test_text_that_ends_like_a_file_is_text(self, end: str, line_break: str) -> None:
        text = line_break.join(["name: a", "application_args:", "- '{{ x }}'", f"- settings{end}"])
        rendered = self.operator(text).render_template(text, CONTEXT, jinja2.Environment())
        assert rendered.splitlines() == text.replace("{{ x }}", "X").splitlines()

    def test_airflow_looks_for_no_file_of_that_name(self, caplog: pytest.LogCaptureFixture) -> None:
        text = "name: a\napplication_args:\n- settings.json"
        with DAG("etl", schedule=None):
            operator = self.operator(text)
        operator.resolve_template_files()
        assert operator.application == text + "\n"
        assert not caplog.records

    def test_a_file_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "one.yaml").write_text("name: {{ x }}")
        env = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path))
        assert self.operator("one.yaml").render_template("one.yaml", CONTEXT, env) == "name: X"
