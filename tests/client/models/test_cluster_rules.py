"""Workers, names, durations and jars of clusters and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    SparkConfiguration,
)
from tests.support.configurations import HERE, app, cluster, faults, job

if TYPE_CHECKING:
    from pathlib import Path


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


class TestLists:
    @pytest.mark.parametrize("field", ["application_args", "jars", "py_files", "files", "archives", "packages"])
    @pytest.mark.parametrize("value", [None, 5, "x\0"])
    def test_items_are_refused_by_their_index(self, field: str, value: Any) -> None:
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
