"""The decisions of the node code that need no process and no network."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.node import contract, machine
from airflow_provider_aztk.node.commands.worker import Adoption
from airflow_provider_aztk.node.context import build
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.contract.documents import (
    Application,
    Cluster,
    FileRef,
    Master,
    Reserves,
    Script,
    Secrets,
)
from airflow_provider_aztk.node.errors import BadInputError
from airflow_provider_aztk.node.monitoring import failure_report
from airflow_provider_aztk.node.monitoring.heartbeat import Allegiance, Vitals, is_lost
from airflow_provider_aztk.node.monitoring.idle import IdleClock, live_leases
from airflow_provider_aztk.node.process.private_files import PrivateFiles
from airflow_provider_aztk.node.spark import custom_scripts, properties, submit
from airflow_provider_aztk.node.spark.web import MasterView, WorkerView, view_of
from airflow_provider_aztk.node.spark.worker_process import Backoff
from airflow_provider_aztk.node.storage.wire import BlobInfo, listing, retry_after

if TYPE_CHECKING:
    from pathlib import Path

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
# Spark trims its values, so spaces at the ends cannot survive.
VALUES = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: text.strip(" \t\f"))


def master(host: str, started: str = "t") -> Master:
    """Make the place of a master."""
    return Master(started=started, attempt=1, node_id="n", host=host, port=7077, web_port=8080)


# Properties


@given(st.dictionaries(KEYS, VALUES))
def test_properties_round_trip(values: dict[str, str]) -> None:
    assert properties.parse(properties.dump(values)) == values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("spark.a 1", {"spark.a": "1"}),
        ("  spark.a=  1  ", {"spark.a": "1"}),
        ("spark.a : x=y", {"spark.a": "x=y"}),
        ("# no\n! no\n\nspark.a=1", {"spark.a": "1"}),
        ("spark.a=1\nspark.a=2", {"spark.a": "2"}),
        ("spark.a=one \\\n   two", {"spark.a": "one two"}),
        ("spark.a=c:\\\\dir\\\\", {"spark.a": "c:\\dir\\"}),
        ("spark.a=\\u00fc", {"spark.a": "ü"}),
        ("spark.a", {"spark.a": ""}),
        ("spark.a=1\\", {"spark.a": "1"}),
        ("spark.a\t-Dx=1 -Dy=2\r\nspark.b 2", {"spark.a": "-Dx=1 -Dy=2", "spark.b": "2"}),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, found: dict[str, str]) -> None:
    assert properties.parse(text) == found


def test_lists_are_merged_in_order_without_doubles() -> None:
    assert properties.merge_lists("", "a, b", "b,c") == "a,b,c"


# What spark-submit gets


APP = Application(
    name="app",
    application=FileRef(url="https://there/app.py"),
    args=["a b", ""],
    packages=["g:a:1"],
    conf={"spark.x": "app", "spark.jars": "given.jar", "spark.authenticate": "false"},
    options={"driver_memory": "2g", "max_cores": 3, "executor_cores": None},
)
PLACED = submit.Placed("app.py", jars=["/c.jar", "/a.jar"], requirements_dir="/r", requirements_archive="/r.zip")


def test_properties_of_a_driver_go_from_weak_to_strong() -> None:
    cluster = Cluster("c", "cluster", 1, 60.0, default_cores=2, conf={"spark.y": "cluster", "spark.x": "cluster"})
    secrets = Secrets(conf={"spark.hadoop.fs.key": "s3cr3t"})
    weak = {"spark.ui.port": "1", "spark.z": "weak"}
    values = submit.driver_properties(
        APP, cluster, {"spark.z": "defaults"}, secrets, PLACED, weak, {"spark.driver.host": "h"}
    )
    expected = {
        "spark.x": "app",
        "spark.y": "cluster",
        "spark.z": "defaults",
        "spark.ui.port": "1",
        "spark.cores.max": "3",
        "spark.driver.memory": "2g",
        "spark.jars": "given.jar,/c.jar,/a.jar",
        "spark.jars.packages": "g:a:1",
        "spark.archives": "/r.zip#aztk_requirements",
        "spark.executorEnv.PYTHONPATH": "aztk_requirements",
        "spark.hadoop.fs.key": "s3cr3t",
        "spark.driver.host": "h",
        "spark.authenticate": "true",
        "spark.submit.deployMode": "client",
    }
    assert {name: values[name] for name in expected} == expected
    assert "spark.executor.cores" not in values
    assert "spark\\.hadoop\\.fs\\.key" in values["spark.redaction.regex"]


def test_nothing_secret_is_in_the_command_line_or_a_repr() -> None:
    command = submit.submit_command("spark-submit", "/private/p", APP, PLACED.application)
    assert command == ["spark-submit", "--properties-file", "/private/p", "app.py", "a b", ""]
    assert "s3cr3t" not in repr(Secrets(conf={"a": "s3cr3t"}, env={"B": "s3cr3t"}))


def test_secrets_of_the_environment_win() -> None:
    app = Application("a", FileRef(url="u"), env={"A": "app", "B": "app"})
    env = submit.driver_environment({"A": "base", "PYTHONPATH": "/x"}, app, Secrets(env={"B": "secret"}), PLACED)
    assert env == {"A": "app", "B": "secret", "PYTHONPATH": "/r:/x"}


# Private files


@pytest.mark.parametrize("in_memory", [True, False])
def test_private_files_are_private_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    files = PrivateFiles(str(tmp_path))
    path = files.write("p", "one ü")
    again = files.write("p", "two ü")
    with open(again, encoding="utf-8") as file:
        assert file.read() == "two ü"
    assert os.stat(again).st_mode & 0o777 == 0o600
    assert not list(tmp_path.iterdir())
    files.close()
    assert not os.path.exists(path)
    assert not os.path.exists(again)


# Documents


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 2}', b"{}"])
def test_a_document_that_is_not_ours_is_refused(data: bytes) -> None:
    with pytest.raises(BadInputError):
        documents.parse(data, "it")


def test_a_document_with_something_missing_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match=r"cluster\.json.*cluster_id"):
        build({"version": 1}, Cluster.from_json, "cluster.json")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".."])
def test_a_file_cannot_leave_its_directory(name: str) -> None:
    with pytest.raises(BadInputError):
        FileRef.from_json({"blob": "files/0/x", "name": name})


def test_a_master_round_trips() -> None:
    where = master("10.0.0.4")
    assert Master.from_json(json.loads(documents.encode(where.to_json()))) == where


def test_a_property_that_is_a_boolean_is_written_as_spark_writes_it() -> None:
    raw = {"cluster_id": "c", "mode": "cluster", "nodes": 1, "gate_timeout_seconds": 1, "conf": {"a": True, "b": 2}}
    assert Cluster.from_json(raw).conf == {"a": "true", "b": "2"}


def test_scripts_run_where_they_are_meant_to() -> None:
    listed = [Script(run_on, "f", run_on) for run_on in ("all-nodes", "master", "worker")]
    assert [script.name for script in custom_scripts.due(listed, {"master"})] == ["all-nodes", "master"]
    assert [script.name for script in custom_scripts.due(listed, {"worker"})] == ["all-nodes", "worker"]
    assert len(custom_scripts.due(listed, {"master", "worker"})) == 3


# The machine


def test_the_limits_of_containers_count() -> None:
    two = {"/sys/fs/cgroup/cpu.max": "150000 100000\n", "/sys/fs/cgroup/memory.max": "1073741824\n"}
    one = {
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
    }
    none = {
        "/sys/fs/cgroup/cpu.max": "max 100000\n",
        "/sys/fs/cgroup/memory.max": "max\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    unlimited_one = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    read = [lambda path, files=files: files.get(path, "") for files in (two, one, none, unlimited_one, {})]
    assert [machine.cpu_quota(each) for each in read] == [1.5, 2.0, None, None, None]
    assert [machine.memory_limit_mb(each) for each in read] == [1024, 2048, None, None, None]


def test_a_worker_offers_what_is_left() -> None:
    reserves = Reserves(system_memory_mb=500, master_memory_mb=1000, driver_memory_mb=2000, cores=1)
    assert machine.memory_offered_mb(machine.Capacity(4, 16000), reserves, beside_master=True) == 12500
    assert machine.memory_offered_mb(machine.Capacity(4, 16000), reserves, beside_master=False) == 13500
    assert machine.memory_offered_mb(machine.Capacity(1, 1000), reserves, beside_master=True) == 512
    assert machine.cores_offered(machine.Capacity(4, 1), reserves) == 3
    assert machine.cores_offered(machine.Capacity(1, 1), reserves) == 1


def test_a_port_that_is_taken_is_not_used() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert machine.free_port("127.0.0.1", wanted) != wanted


# Storage's answers


def test_a_listing_is_read() -> None:
    body = (
        "<?xml version='1.0'?><EnumerationResults><Blobs><Blob><Name>a/ü</Name><Properties>"
        "<Last-Modified>Sun, 22 Nov 2026 10:00:00 GMT</Last-Modified><Content-Length>7</Content-Length>"
        "</Properties></Blob></Blobs><NextMarker>more</NextMarker></EnumerationResults>"
    ).encode()
    found, marker = listing(body, {"Date": "Sun, 22 Nov 2026 10:01:30 GMT"})
    assert found == [BlobInfo("a/ü", 7, 90.0)]
    assert marker == "more"


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), (None, None), ("soon", None), ("99999", 120.0), ("-1", 0.0)])
def test_retry_after_is_honoured_within_reason(text: str | None, seconds: float | None) -> None:
    assert retry_after({} if text is None else {"Retry-After": text}) == seconds


# Idle, lost, adopted


def test_the_idle_clock_counts_from_readiness_and_from_the_last_work() -> None:
    clock = IdleClock(100.0)
    assert clock.idle_seconds(130.0) == 30.0
    clock.active(120.0)
    clock.active(90.0)
    assert clock.idle_seconds(130.0) == 10.0


def test_only_fresh_leases_that_were_not_given_up_count() -> None:
    fresh, old = contract.LEASE_LIFETIME - 1, contract.LEASE_LIFETIME + 1
    leases = [BlobInfo("a", 5, fresh), BlobInfo("b", 0, fresh), BlobInfo("c", 5, old)]
    assert live_leases(leases) == 1


def view(*applications: str, status: str = "ALIVE", workers: tuple[WorkerView, ...] = ()) -> MasterView:
    """Make what a master says."""
    return MasterView(status, workers, frozenset(applications))


@pytest.mark.parametrize(
    ("registered", "seen", "lost"),
    [
        ({"app-1"}, view("app-2"), True),
        ({"app-1"}, view("app-1"), False),
        ({"app-1"}, None, False),
        ({"app-1"}, view("app-2", status="RECOVERING"), False),
        (set(), view("app-2"), False),
        ({"local-1"}, view(), False),
    ],
)
def test_only_a_registered_driver_can_be_lost(registered: set[str], seen: MasterView | None, lost: bool) -> None:
    assert is_lost(frozenset(registered), seen) is lost


def test_a_driver_is_lost_after_the_grace_and_seen_twice() -> None:
    old, new = master("a"), master("b", "later")
    allegiance = Allegiance(old, lambda: frozenset({"app-1"}), lambda where: view(), grace=20.0)
    assert not allegiance.lost(0.0, old)
    assert not allegiance.lost(1.0, None)
    assert not allegiance.lost(5.0, new)
    assert not allegiance.lost(24.0, new)
    assert not allegiance.lost(26.0, new)
    assert allegiance.lost(31.0, new)


def test_a_worker_starts_anew_only_if_it_is_not_adopted() -> None:
    old, new = master("a"), master("b", "later")
    adoption = Adoption(old, patience=60.0)
    assert not adoption.look(0.0, new, lambda where: False)
    assert not adoption.look(59.0, new, lambda where: False)
    assert adoption.look(61.0, new, lambda where: False)
    assert adoption.master == new
    adopted = Adoption(old, patience=60.0)
    assert not adopted.look(0.0, new, lambda where: True)
    assert adopted.master == new


def test_what_keeps_failing_is_started_less_often() -> None:
    backoff = Backoff(first=2.0, longest=10.0, healthy=60.0)
    assert [backoff.ended(0.0, 1.0) for _ in range(5)] == [2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.ended(100.0, 61.0) == 2.0
    assert backoff.not_before == 102.0


def test_the_masters_page_is_read() -> None:
    page = {
        "status": "ALIVE",
        "workers": [
            {"host": "h", "port": 1, "cores": 2, "state": "ALIVE"},
            {"host": "i", "port": 2, "cores": 4, "state": "DEAD"},
        ],
        "activeapps": [{"id": "app-1"}],
    }
    seen = view_of(page)
    assert (seen.alive, seen.live_workers, seen.cores, seen.applications) == (True, 1, 2, {"app-1"})
    assert seen.has_worker("h", 1)
    assert not seen.has_worker("i", 2)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", b""),
        (b"one\ntwo", b"one\ntwo\n"),
        (b"cut off\n" + b"x" * 20 + b"\n", b"x" * 20 + b"\n"),
        (b"y" * 40, b"y" * 24 + b"\n"),
        ("中".encode() * 20 + b"!", "中".encode() * 7 + b"!\n"),
        ("ab😀".encode() + b"c" * 22, b"c" * 22 + b"\n"),
    ],
)
def test_the_end_of_a_file_begins_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, found: bytes
) -> None:
    monkeypatch.setattr(failure_report, "TAIL_BYTES", 24)
    (tmp_path / "out.txt").write_bytes(data)
    assert failure_report.tail(str(tmp_path / "out.txt")) == found
    assert failure_report.tail(str(tmp_path / "none.txt")) == b""


def test_a_lease_is_renewed_whatever_else_goes_wrong() -> None:
    class Storage:
        """Storage that says something that nobody expects, but for what is written."""

        def __init__(self) -> None:
            self.written: list[str] = []

        def with_policy(self, _policy: object) -> Storage:
            return self

        def put(self, name: str, _data: bytes) -> None:
            self.written.append(name)

        def head(self, _name: str) -> None:
            raise ValueError("what is this?")

    storage: Any = Storage()
    vitals = Vitals(storage, "app", "node")
    vitals.start()
    vitals.end()
    assert storage.written == [contract.lease_blob("app")] * 2, "renewed, and given up"
