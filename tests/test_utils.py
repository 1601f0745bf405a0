"""The pure helpers: ids, lines, references, configurations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.configuration import references
from airflow_provider_aztk.configuration.build import as_template, load, to_model
from airflow_provider_aztk.logs.lines import MAX_LINE_BYTES, LogLines
from airflow_provider_aztk.naming import MAX_ID_LENGTH, owner_metadata, remote_id, run_label
from tests.support.airflow_home import Context

if TYPE_CHECKING:
    from pathlib import Path


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

    def test_the_run_is_told_by_its_time(self) -> None:
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


class TestLines:
    @given(st.lists(st.binary(max_size=200)))
    @example(pieces=[b"\r"])
    def test_no_byte_is_lost_however_it_is_cut(self, pieces: list[bytes]) -> None:
        lines = LogLines()
        found: list[str] = []
        for piece in pieces:
            found += lines.feed(piece)
            assert lines.resume_offset <= lines.read_offset
        found += lines.flush()
        whole = b"".join(pieces)
        assert lines.resume_offset == len(whole)
        parts = re.split(rb"(\r*\n|\r+)", whole)
        ended = [text for text, end in zip(parts[::2], [*parts[1::2], b""], strict=True) if text or b"\n" in end]
        assert found == [text.decode(errors="replace").replace("\0", "\ufffd") for text in ended]

    @given(st.text(alphabet=st.sampled_from("a中😀\r\n"), max_size=60), st.lists(st.integers(1, 7), max_size=30))
    def test_the_lines_do_not_depend_on_how_the_log_arrives(self, text: str, sizes: list[int]) -> None:
        whole = text.encode()
        at_once, in_pieces = LogLines(), LogLines()
        expected = [*at_once.feed(whole), *at_once.flush()]
        found: list[str] = []
        rest = whole
        for size in [*sizes, len(whole) + 1]:
            found += in_pieces.feed(rest[:size])
            rest = rest[size:]
        assert [*found, *in_pieces.flush()] == expected

    def test_going_on_gives_the_whole_line_again(self) -> None:
        first = LogLines()
        assert list(first.feed(b"one\ntw")) == ["one"]
        second = LogLines(first.resume_offset)
        assert list(second.feed(b"one\ntwo\n"[second.read_offset :])) == ["two"]

    def test_an_endless_line_is_cut(self) -> None:
        found = list(LogLines().feed(b"x" * (2 * MAX_LINE_BYTES + 5)))
        assert [len(line) for line in found] == [MAX_LINE_BYTES, MAX_LINE_BYTES]

    @pytest.mark.parametrize("first", ["", "a", "ab"])
    @pytest.mark.parametrize("character", ["中", "😀", "ü", "e\u0301"])
    def test_a_long_line_is_cut_between_characters(self, first: str, character: str) -> None:
        text = first + character * 20_000
        lines = LogLines()
        found = [*lines.feed(text.encode() + b"\n"), *lines.flush()]
        assert "".join(found) == text
        assert max(len(line.encode()) for line in found) <= MAX_LINE_BYTES
        assert len(found) <= len(text.encode()) // (MAX_LINE_BYTES - 3) + 1

    def test_bytes_that_are_no_text_are_cut_all_the_same(self) -> None:
        lines = LogLines()
        found = [*lines.feed(b"\x80" * (MAX_LINE_BYTES + 10)), *lines.flush()]
        assert [len(line) for line in found] == [MAX_LINE_BYTES, 10]

    def test_a_line_that_just_fits_is_not_cut(self) -> None:
        for end in (b"\n", b"\r\n"):
            assert [len(line) for line in LogLines().feed(b"x" * MAX_LINE_BYTES + end)] == [MAX_LINE_BYTES]

    def test_a_progress_bar_is_seen_while_it_grows(self) -> None:
        lines = LogLines()
        assert list(lines.feed(b"start\r\n\r 10%\r 20%")) == ["start", " 10%"]
        assert list(lines.feed(b"\r 30%\r")) == [" 20%"]
        assert list(lines.feed(b"\n\r\nend\r")) == [" 30%", ""]
        assert list(lines.flush()) == ["end"]

    def test_what_is_no_text_is_marked(self) -> None:
        assert list(LogLines().feed(b"a\x00b\xffc\xe4\xb8\n")) == ["a\ufffdb\ufffdc\ufffd"]


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
