"""Definitions of operators, built into models."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.configuration.build import as_template, load, to_model

if TYPE_CHECKING:
    from pathlib import Path


class TestConfigurations:
    def test_a_file_beside_the_dag_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "apps").mkdir()
        (tmp_path / "apps" / "pi.py").write_text("")
        data = {
            "name": "pi",
            "application": "apps/pi.py",
            "application_args": [5],
            "conf": {"spark.a": True, "spark.b": 2},
        }
        model = to_model(models.ApplicationConfiguration, data, [tmp_path])
        assert model.application == str(tmp_path / "apps" / "pi.py")
        assert model.application_args == ("5",)
        assert model.conf == {"spark.a": "true", "spark.b": "2"}

    def test_rendered_numbers_are_numbers_again(self) -> None:
        model = to_model(models.ClusterConfiguration, {"cluster_id": "c", "vm_count": "2"}, [])
        assert model.vm_count == 2

    def test_the_keys_of_aztks_files_work_too(self) -> None:
        data = load("id: c\nsize: 3\nvm_size: standard_d2s_v5\n", "cluster_conf")
        assert to_model(models.ClusterConfiguration, data, []).vm_count == 3

    @pytest.mark.parametrize("value", ["- a", "just text", 5, None, "a: ["])
    def test_what_is_no_mapping_is_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="cluster_conf"):
            load(value, "cluster_conf")

    def test_models_become_dicts_and_survive(self) -> None:
        conf = models.ClusterConfiguration(
            cluster_id="c", vm_low_pri_count=2, idle_timeout=timedelta(minutes=20), metadata={"team": "x"}
        )
        assert to_model(models.ClusterConfiguration, as_template(conf), []) == conf

    def test_durations_survive(self) -> None:
        data = {"cluster_id": "c", "vm_count": 1, "max_lifetime": timedelta(hours=2)}
        assert to_model(models.ClusterConfiguration, data, []).max_lifetime == timedelta(hours=2)
