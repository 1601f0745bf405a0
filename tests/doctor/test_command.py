"""Both ways to the commands: ``airflow aztk`` and ``python -m airflow_provider_aztk``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_aztk import __main__
from airflow_provider_aztk.cli import account_commands
from airflow_provider_aztk.cli.definition import get_cli_commands
from airflow_provider_aztk.cli.options import COMMANDS
from tests.support.airflow_home import CONNECTION, KEY

WRONG = {
    "storage_account_key": {"extra": {"storage_account_key": KEY}},
    "login": {"login": ""},
    "host": {"host": "ftp://x"},
}


def test_both_ways_have_the_same_options() -> None:
    (group,) = get_cli_commands()
    actions = {command.name: command for command in group.subcommands}
    assert {command.name for command in COMMANDS} == {"doctor", "verify"}
    for command in COMMANDS:
        assert [arg.flags for arg in actions[command.name].args] == [option.flags for option in command.options]


@pytest.mark.parametrize("output", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_connection_is_one_error_without_its_secret(
    field: str, output: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, **WRONG[field]}))
    assert __main__.main(["doctor", *output]) == 1
    here = capsys.readouterr().out
    assert f"({field})" in here or f"extra.{field}" in here
    assert KEY not in here
    args = argparse.Namespace(conn_id="aztk_default", cluster=None, json=bool(output))
    with pytest.raises(SystemExit) as raised:
        account_commands.doctor(args)
    assert raised.value.code == 1
    assert capsys.readouterr().out == here


def test_a_text_that_is_no_connection_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in (f'{{"password": "{KEY}"', f"aztk://acc:{KEY}@[host"):
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", text)
        assert __main__.main(["doctor", "--conn-id", "other"]) == 1
        shown = capsys.readouterr()
        assert "AIRFLOW_CONN_OTHER" in shown.out
        assert KEY not in shown.out + shown.err
    monkeypatch.delenv("AIRFLOW_CONN_OTHER")
    assert __main__.main(["doctor", "--conn-id", "other"]) == 1
    assert "AIRFLOW_CONN_OTHER=missing" in capsys.readouterr().out


def test_without_airflow(tmp_path: Any) -> None:
    (tmp_path / "airflow.py").write_text("raise ImportError('Airflow is not there')")
    env = {
        "PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}",
        "AIRFLOW_CONN_AZTK_DEFAULT": json.dumps({**CONNECTION, "login": ""}),
    }
    command = [sys.executable, "-m", "airflow_provider_aztk", "doctor", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=110)
    assert done.stderr == ""
    assert done.returncode == 1
    assert [finding["check"] for finding in json.loads(done.stdout)["findings"]] == ["connection"]
