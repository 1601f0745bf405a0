"""The harness and a slow Airflow: one answer that is late, cut or none ends nothing, only the whole has a limit."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import airflow_deployment
import demo
import pytest
from airflow_deployment import AirflowDeployment, AirflowRefusedError, DeploymentError
from processes import ProcessGroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # answers that are late


#: Airflow's answer where SQLite was locked for too long.
LOCKED = ({"detail": {"reason": "Database error", "statement": "hidden"}}, 500)
WELL = ({"state": "success", "dag_run_id": "r", "content": []}, 200)


class Server:
    """A stand-in for Airflow's API server: what it does with each request is told beforehand."""

    def __init__(self) -> None:
        self.plan: list[str] = []
        self.asked: list[str] = []
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                if self.path == "/auth/token":
                    return self.send({"access_token": "t"})
                outer.asked.append(f"{self.command} {self.path}")
                what = outer.plan.pop(0) if outer.plan else "well"
                if what == "slow":
                    outer.over.wait(5.0)
                if what == "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"sta')
                elif what.isdecimal():
                    self.send({"detail": "no"}, int(what))
                elif what != "drop":
                    self.send(*(LOCKED if what == "locked" else WELL))

            do_GET = do_POST = answer

            def send(self, body: Any, status: int = 200) -> None:
                data = json.dumps(body, separators=(",", ":")).encode()  # as Airflow writes it
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None: ...

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None: ...

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(airflow_deployment, "ANSWER_TIMEOUT", 0.5)
    monkeypatch.setattr(airflow_deployment, "PATIENCE", 8.0)
    found = Server()
    yield found
    found.over.set()
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def airflow(server: Server, tmp_path: Path) -> AirflowDeployment:
    return AirflowDeployment(
        tmp_path, tmp_path, ProcessGroup(), env={}, template=tmp_path, port=server.server.server_port
    )


@pytest.mark.parametrize("trouble", ["slow", "cut", "drop", "503", "504"])
def test_an_answer_that_is_late_or_broken_is_asked_for_again(
    server: Server, airflow: AirflowDeployment, trouble: str
) -> None:
    server.plan = [trouble, trouble]
    assert airflow.run_state("d", "r") == "success"
    assert len(server.asked) == 3


def test_what_starts_a_run_is_not_sent_twice(server: Server, airflow: AirflowDeployment) -> None:
    server.plan = ["slow"]
    threading.Timer(1.5, server.over.set).start()
    assert airflow.trigger("d") == "r", "it is waited for longer than for what only looks"
    assert server.asked == ["POST /api/v2/dags/d/dagRuns"]
    server.plan = ["drop"]
    with pytest.raises(DeploymentError):
        airflow.trigger("d")
    assert len(server.asked) == 2, "it may have arrived"


def test_a_change_is_sent_again_where_the_database_was_locked(server: Server, airflow: AirflowDeployment) -> None:
    server.plan[:] = ["locked"]
    assert airflow.call("POST", "/api/v2/dags/d/clearTaskInstances", {})["state"] == "success"
    assert len(server.asked) == 2


@pytest.mark.timeout(60)  # a hundred answers would take longer
def test_all_tries_together_have_a_limit(
    server: Server, airflow: AirflowDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow_deployment, "PATIENCE", 2.0)
    server.plan = ["503"] * 100
    with pytest.raises(DeploymentError, match="no answer within 2 s"):
        airflow.run_state("d", "r")


@pytest.mark.parametrize("status", ["400", "403", "409", "500"])
def test_a_refusal_is_reported_at_once(server: Server, airflow: AirflowDeployment, status: str) -> None:
    server.plan = [status]
    with pytest.raises(AirflowRefusedError, match=status) as raised:
        airflow.run_state("d", "r")
    assert raised.value.status == int(status)
    assert len(server.asked) == 1


def test_an_airflow_that_is_not_there_yet_is_waited_for(tmp_path: Path, server: Server) -> None:
    airflow = AirflowDeployment(tmp_path, tmp_path, ProcessGroup(), env={}, template=tmp_path, token="t")
    with pytest.raises(DeploymentError, match="no answer within 8 s"):
        airflow.run_state("d", "r")


def test_a_task_that_has_not_begun_has_no_log_and_the_report_goes_on(
    server: Server, airflow: AirflowDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    server.plan = ["404"]
    assert airflow.log("d", "r", "t") == []
    server.plan = ["404"]
    demo.print_task_log(airflow, "r", "run_pi", 0)
    assert "the task did not begin" in capsys.readouterr().out


def test_the_kept_database_is_that_of_this_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    made: list[str] = []

    def migrate(kept: Path) -> None:
        made.append(kept.name)
        kept.write_text("")

    for version in ("3.2.1", "3.3.2", "3.3.2"):
        monkeypatch.setattr(airflow_deployment, "version", lambda _, found=version: found)
        home = tmp_path / "home"
        AirflowDeployment(home, tmp_path, ProcessGroup(), env={}, template=tmp_path, migrate=migrate).prepare()
    assert made == ["airflow-3.2.1.db", "airflow-3.3.2.db"]
