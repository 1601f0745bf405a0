"""``airflow aztk`` for people: one line and an exit code, whatever is wrong."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from airflow_provider_aztk.cli import commands
from airflow_provider_aztk.client import errors
from tests.support.airflow_home import CONNECTION, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The command without the second or two that Airflow's own takes before it comes to ours.
PROGRAM = """
import argparse, sys
from airflow_provider_aztk.cli.definition import get_cli_commands
parser = argparse.ArgumentParser(prog="airflow aztk")
nouns = parser.add_subparsers(required=True)
(group,) = get_cli_commands()
for noun in group.subcommands:
    if not hasattr(noun, "subcommands"):
        continue
    verbs = nouns.add_parser(noun.name, help=noun.help).add_subparsers(required=True)
    for command in noun.subcommands:
        verb = verbs.add_parser(command.name, help=command.help, description=command.description)
        for arg in command.args:
            arg.add_to_parser(verb)
        verb.set_defaults(func=command.func)
args = parser.parse_args()
args.func(args)
"""


@pytest.fixture
def refusing() -> Iterator[str]:
    """A Batch service that refuses every key."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"code": "AuthenticationFailed", "message": {"value": "the MAC is not the same"}})
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def call(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "AIRFLOW__CORE__UNIT_TEST_MODE": "False", "AIRFLOW__AZTK__DEPLOYMENT_ID": "here", **env},
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip


def problem(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a failed command says."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("airflow aztk: ")]
    assert KEY not in line
    return line


VERBS = [("list",), ("reap",), ("reap", "--yes"), ("list", "-o", "json")]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        (None, "no_such_connection"),
        ({"conn_type": "http"}, "its type is http, not aztk"),
        ({"password": "no base64!"}, "Batch account key (password)"),
        ({"login": ""}, "Batch account name (login)"),
    ],
)
def test_a_wrong_connection(
    verb: tuple[str, ...],
    changes: dict[str, Any] | None,
    word: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, **(changes or {})}))
    assert word in told(verb, monkeypatch, capsys, "aztk_default" if changes else "no_such_connection")


def told(
    verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], conn_id: str
) -> str:
    """Run a command in this process, and return the one line that it ends with."""
    import argparse

    from airflow.sdk import BaseHook

    if conn_id == "no_such_connection":  # without a database Airflow would ask one

        @staticmethod  # type: ignore[misc]  # in place of a class method
        def missing(_: str) -> Any:
            from airflow.sdk.exceptions import AirflowNotFoundException

            raise AirflowNotFoundException("The conn_id `no_such_connection` isn't defined")

        monkeypatch.setattr(BaseHook, "get_connection", missing)
    monkeypatch.setenv("AIRFLOW__AZTK__DEPLOYMENT_ID", "here")
    args = argparse.Namespace(
        conn_id=conn_id, output="json" if "json" in verb else "table", yes="--yes" in verb, min_age=5.0, keep_logs=False
    )
    with pytest.raises(SystemExit) as raised:
        (commands.list_clusters if verb[0] == "list" else commands.reap_clusters)(args)
    text = str(raised.value)
    assert text.startswith("airflow aztk: ")
    assert "\n" not in text
    assert KEY not in text
    assert capsys.readouterr().out == ""
    return text


@pytest.mark.parametrize(
    "error",
    [
        errors.ServiceError("two\nlines", code="Broken", status=500),
        errors.ThrottledError("busy", status=503),
        errors.ConnectionFailedError("no answer"),
        errors.AuthenticationError("check batch_account_key"),
        OSError(""),
        OperationalError("SELECT state WHERE run = ?", {"run": "r"}, Exception("no such table: dag_run")),
    ],
    ids=repr,
)
@pytest.mark.parametrize("verb", VERBS)
def test_what_the_service_answers(
    verb: tuple[str, ...],
    error: Exception,
    connection: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> Any:
        raise error

    monkeypatch.setattr("airflow_provider_aztk.hooks.aztk.AztkHook.get_client", fail)
    text = told(verb, monkeypatch, capsys, "aztk_default")
    assert "batch_account_key" not in text
    assert "SELECT" not in text


@pytest.mark.parametrize("age", [-1.0, float("nan"), float("inf"), 1e300])
def test_an_age_that_is_none(age: float) -> None:
    with pytest.raises(ValueError, match=r"--min-age=.*: give a number of minutes"):
        commands._minutes(age)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_as_a_process(refusing: str, tmp_path: Path) -> None:
    conn = {**CONNECTION, "host": refusing, "extra": {**CONNECTION["extra"], "storage_service_url": refusing}}
    refused = problem(call("clusters", "list", AIRFLOW_CONN_AZTK_DEFAULT=json.dumps(conn)))
    assert "Batch account key (password)" in refused
    assert "the MAC is not the same" in refused
    nobody = {**conn, "host": "http://127.0.0.1:1"}
    assert "did not answer" in problem(call("clusters", "reap", AIRFLOW_CONN_AZTK_DEFAULT=json.dumps(nobody)))
    nameless = call(
        "clusters", "reap", AIRFLOW__AZTK__DEPLOYMENT_ID="", AIRFLOW__API__BASE_URL="http://localhost:8080",
        AIRFLOW_CONN_AZTK_DEFAULT=json.dumps(conn),
    )  # fmt: skip
    assert "[aztk] deployment_id" in problem(nameless)
    usage = call("clusters", "list", "--output", "yaml")
    assert usage.returncode == 2
    shown = call("clusters", "list", "--help")
    assert shown.returncode == 0
    for word in ("run is over", "Batch account key (password)", "storage_access_key", "aztk_default", "--output"):
        assert word in " ".join(shown.stdout.split()), word


BROKEN_PIPE = """
import argparse, sys
from unittest import mock
from airflow_provider_aztk.cli import commands
from airflow_provider_aztk.client import models
many = [models.Cluster(id=f"cluster-{number}", state=models.ClusterState.READY) for number in range(20_000)]
client = mock.MagicMock()
client.__enter__.return_value = client
client.list_clusters.return_value, client.list_jobs.return_value = many, []
with mock.patch("airflow_provider_aztk.hooks.aztk.AztkHook.get_client", return_value=client):
    commands.list_clusters(argparse.Namespace(conn_id="c", output="table"))
"""


@pytest.mark.slow
def test_who_reads_may_have_enough() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BROKEN_PIPE], env={**os.environ, "AIRFLOW__AZTK__DEPLOYMENT_ID": "here"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as listing:  # fmt: skip
        assert listing.stdout is not None
        assert listing.stderr is not None
        while "cluster-0" not in listing.stdout.readline():
            pass
        listing.stdout.close()
        said = listing.stderr.read()
        assert listing.wait(timeout=60) == 0, said
    assert "BrokenPipe" not in said
    assert "Traceback" not in said
