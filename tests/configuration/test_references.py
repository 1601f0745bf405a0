"""References to Airflow connections in the place of secrets."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_aztk.configuration import references


class TestReferences:
    def test_references_are_let_through(self) -> None:
        given_ = {"secret_conf": {"a": "lake:password"}, "secret_env": {"B": "lake:extra.client_secret"}}
        assert references.check_references(given_) == []
        assert references.references(given_) == ["lake:password", "lake:extra.client_secret"]

    def test_a_secret_in_clear_text_is_refused_without_repeating_it(self) -> None:
        (wrong,) = references.check_references({"secret_conf": {"fs.azure.account.key.x": "hunter2=="}})
        assert "hunter2" not in wrong
        assert "my_conn:password" in wrong

    @pytest.mark.parametrize(
        "name",
        [
            "spark.hadoop.fs.azure.account.key.x.dfs.core.windows.net",
            "DB_PASSWORD",
            "aws.secret.access.key",
            "API_TOKEN",
        ],
    )
    def test_a_secret_among_the_settings_is_refused(self, name: str) -> None:
        assert references.check_references({"conf": {name: "x"}})
        assert references.check_references({"env": {name: "{{ conn.x.password }}"}})

    @pytest.mark.parametrize("name", ["spark.executor.memory", "spark.auth.secretBits", "spark.sql.keyspace"])
    def test_other_settings_are_not(self, name: str) -> None:
        assert references.check_references({"conf": {name: "x"}}) == []

    def test_they_are_resolved(self) -> None:
        conn = SimpleNamespace(conn_id="lake", password="p", extra_dejson={"k": "v"})
        given_ = {"name": "a", "secret_conf": {"x": "lake:password", "y": "lake:extra.k"}}
        found = references.resolve(given_, lambda _: conn)  # type: ignore[arg-type,return-value]
        assert found == {"name": "a", "secret_conf": {"x": "p", "y": "v"}}

    def test_a_missing_field_is_named(self) -> None:
        conn = SimpleNamespace(conn_id="lake", password=None, extra_dejson={})
        with pytest.raises(ValueError, match=r"'lake' has no password"):
            references.resolve({"secret_env": {"X": "lake:password"}}, lambda _: conn)  # type: ignore[arg-type,return-value]
