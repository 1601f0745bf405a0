"""Ids and owners of what a task creates."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.naming import MAX_ID_LENGTH, owner_metadata, remote_id, run_label
from tests.support.airflow_home import Context


class TestIds:
    def test_a_try_has_an_id_of_its_own(self) -> None:
        contexts = [Context(), Context(try_number=2), Context(map_index=0), Context(map_index=1)]
        ids = [remote_id("etl", context) for context in contexts]
        assert len(set(ids)) == 4
        assert re.fullmatch(r"etl-manual__1-t1-[0-9a-f]{8}", ids[0])
        assert "-m1-" in ids[3]

    def test_it_is_the_same_when_asked_again(self) -> None:
        assert remote_id("etl", Context()) == remote_id("etl", Context())

    @given(st.text(alphabet="abcXYZ09-_", min_size=1, max_size=200), st.integers(-1, 99999), st.integers(1, 999))
    def test_it_is_always_legal(self, prefix: str, map_index: int, try_number: int) -> None:
        found = remote_id(prefix, Context(map_index=map_index, try_number=try_number))
        assert re.fullmatch(r"[A-Za-z0-9_-]+", found)
        assert len(found) <= MAX_ID_LENGTH

    def test_an_illegal_prefix_is_left_for_the_client_to_refuse(self) -> None:
        found = remote_id("my cluster!", Context())
        with pytest.raises(errors.InvalidConfigurationError, match="cluster_id"):
            models.ClusterConfiguration(cluster_id=found, vm_count=1)

    def test_the_default_tells_dag_and_task(self) -> None:
        assert remote_id(None, Context()).startswith("etl-spark-")

    def test_the_run_is_named_by_its_time(self) -> None:
        run = SimpleNamespace(logical_date=datetime(2026, 11, 22, 15, 36, 49, tzinfo=UTC), run_id="x")
        assert run_label({"dag_run": run}) == "20261122T153649"

    def test_the_owner_is_complete(self) -> None:
        owner = owner_metadata(Context(map_index=3), "prod")
        assert owner == {
            "airflow_deployment": "prod",
            "airflow_dag": "etl",
            "airflow_run": "manual__1",
            "airflow_task": "spark",
            "airflow_map_index": "3",
            "airflow_try": "1",
        }
