"""What the command says beforehand, when it refuses, and what of the account's lists it keeps."""

from __future__ import annotations

import argparse
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

import pytest

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client._azure.exchanges import Exchange
from airflow_provider_aztk.client._azure.refusals import BATCH, STORAGE
from airflow_provider_aztk.verify import main
from airflow_provider_aztk.verify.command import announce
from airflow_provider_aztk.verify.exchanges import Exchanges
from airflow_provider_aztk.verify.interrupts import InterruptedRunError, Interrupts
from airflow_provider_aztk.verify.plan import PREFIX, Plan, begun_at
from airflow_provider_aztk.verify.sweep import Things

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "http://127.0.0.1:9"


def secrets() -> models.SecretsConfiguration:
    key = models.SharedKeyConfiguration(
        batch_account_name="mybatch", batch_account_key="a2V5", batch_service_url=NOBODY,
        storage_account_name="mydata", storage_account_key="a2V5", storage_service_url=NOBODY,
    )  # fmt: skip
    return models.SecretsConfiguration(shared_key=key)


def options(**changes: object) -> argparse.Namespace:
    given = {"nodes": 2, "minutes": 30, "patience": 180.0, "vm_size": None, "image": None, "yes": False, "output": None}
    return argparse.Namespace(**{**given, **changes})


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))


def test_without_a_terminal_nothing_is_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(options(output=str(tmp_path / "report")), secrets) == 1
    said = capsys.readouterr()
    assert "there is no terminal to ask on; add --yes" in said.err
    assert "mybatch" in said.out
    assert not (tmp_path / "report").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["\n", "n\n", "no\n", "what?\n"])
def test_whoever_does_not_say_yes_gets_nothing(
    answer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(options(output=str(tmp_path / "report")), secrets) == 1
    assert "Go on? [y/N]" in capsys.readouterr().out
    assert not (tmp_path / "report").exists()


def test_a_connection_that_cannot_be_used_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> NoReturn:
        raise errors.InvalidConfigurationError("the connection", [errors.FieldError("host", "''", "give\na URL")])

    assert main(options(yes=True), fail) == 1
    assert capsys.readouterr().err == "verify: the connection cannot be used: host='': give a URL\n"


@pytest.mark.parametrize("nodes", [1, 2])
def test_it_says_beforehand_what_it_makes(nodes: int) -> None:
    plan = Plan(nodes=nodes, limit=timedelta(minutes=25), vm_size="standard_d2ds_v5")
    text = "\n".join(announce(plan, secrets()))
    for word in (f"{nodes} nodes at once", "standard_d2ds_v5", "25 minutes", "maxWallClockTime", "Cost", plan.run):
        assert word in text
    assert "$" not in text.replace("$(", "")  # no price that would be wrong tomorrow


def test_ids_say_when_their_run_began() -> None:
    plan = Plan()
    begun = begun_at(plan.id("cluster"))
    assert begun is not None
    assert abs(datetime.now(UTC) - begun) < timedelta(minutes=5)
    assert begun_at(f"aztk-{plan.run}-cluster-1234abcd") == begun
    assert begun_at(f"{PREFIX}nonsense") is None
    assert begun_at("somebody-elses") is None


def test_things_by_the_time_of_their_run() -> None:
    old, new = f"{PREFIX}240101000000-abcd-job", Plan().id("job")
    pools = tuple({"id": f"p-{id}", "metadata": [{"name": "aztk_id", "value": id}]} for id in (old, new))
    things = Things(jobs=({"id": old}, {"id": new}), pools=pools, containers=(f"aztk-{old}-1", f"aztk-{new}-1"))
    limit = datetime.now(UTC) - timedelta(hours=2)
    found = things.where(lambda begun: begun is not None and begun < limit)
    assert [job["id"] for job in found.jobs] == [old]
    assert [pool["id"] for pool in found.pools] == [f"p-{old}"]
    assert found.containers == (f"aztk-{old}-1",)


def listing(*entries: object, url: str = f"{NOBODY}/jobs?api-version=1", status: int = 200) -> Exchange:
    return Exchange("GET", url, {}, b"", status, {}, json.dumps({"value": entries}).encode())


def test_other_peoples_jobs_and_pools_are_not_kept() -> None:
    exchanges = Exchanges()
    exchanges.note(BATCH, listing({"id": "payroll"}, {"id": f"{PREFIX}1"}))
    exchanges.note(BATCH, listing({"id": "stdout.txt"}, url=f"{NOBODY}/jobs/{PREFIX}1/tasks/t/files?x=y"))
    jobs, files = exchanges.entries()
    assert jobs["answer"] == {"value": [{"id": f"{PREFIX}1"}], "left_out": 1}
    assert files["answer"] == {"value": [{"id": "stdout.txt"}]}


def test_the_content_of_blobs_is_not_kept() -> None:
    exchanges = Exchanges()
    exchanges.note(STORAGE, Exchange("PUT", f"{NOBODY}/c/access.json", {}, b"a signed URL", 201, {}, b"whatever"))
    exchanges.note(STORAGE, Exchange("GET", f"{NOBODY}/c/x", {}, b"", 404, {}, b"<Code>BlobNotFound</Code>"))
    put, get = exchanges.entries()
    assert (put["body"], put["answer"]) == (None, None)
    assert get["answer"] == "<Code>BlobNotFound</Code>"


def test_polls_that_repeat_themselves_are_kept_three_times() -> None:
    exchanges = Exchanges()
    for _ in range(10):
        exchanges.note(BATCH, listing())
    exchanges.note(BATCH, listing(status=503))
    assert [entry["status"] for entry in exchanges.entries()] == [200, 200, 200, 503]


def test_the_first_signal_ends_the_run_and_the_second_only_says_so() -> None:
    import os
    import signal

    said: list[str] = []
    interrupts = Interrupts(lambda: said.append("wait"))
    before = signal.getsignal(signal.SIGTERM)
    with interrupts.handled():
        with pytest.raises(InterruptedRunError, match="SIGTERM"):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert said == ["wait"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    import signal

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with Interrupts(lambda: None).handled():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
