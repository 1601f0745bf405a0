"""Memory and cores: how they are written, and what fits on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._actions import submit_applications
from airflow_provider_aztk.client.models import (
    SparkConfiguration,
    _sizes,
)
from tests.support.configurations import app, faults, job

if TYPE_CHECKING:
    from pathlib import Path


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


def test_fewer_cores_than_one_executor() -> None:
    assert set(faults(app, max_cores=2, executor_cores=4)) == {"max_cores"}
    assert set(faults(app, conf={"spark.cores.max": "2"}, executor_cores=4)) == {"conf.spark.cores.max"}
    apps = [app(executor_cores=3)]
    assert set(faults(job, applications=apps, default_cores=2)) == {"default_cores"}
    assert job(applications=[app(executor_cores=3, max_cores=3)], default_cores=2)


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
