"""A real Airflow of our own: scheduler, DAG processor, triggerer and API server on loopback, driven over REST."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from processes import ProcessGroup

__all__ = ["COMPONENTS", "AirflowDeployment", "AirflowRefusedError", "DeploymentError", "free_port"]

Json = dict[str, Any]

#: It runs on loopback, which no proxy of the environment leads to.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

#: The four processes, in the order in which they start.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_NOT_FOUND = 404
_STOP_STATES = ("success", "failed")


#: How long one answer may take before it is asked for again, and how long all tries may; seconds. A busy machine takes
#: half a minute for an answer now and then.
ANSWER_TIMEOUT = 60.0
PATIENCE = 300.0
_BUSY = (502, 503, 504)
#: In Airflow's answer when SQLite is locked for too long: Airflow has rolled the request back.
_DATABASE_ERROR = '"reason":"Database error"'


class DeploymentError(Exception):
    """Airflow did not come up, or did not answer."""


class AirflowRefusedError(DeploymentError):
    """Airflow answered a request with an error.

    :param status: the HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class AirflowDeployment:
    """An Airflow in a folder of its own.

    :param home: its folder; logs, database and configuration are in it.
    :param dags: the folder of the DAGs.
    :param processes: what its processes belong to.
    :param env: further environment, e.g. connections.
    :param template: where a migrated, empty database is kept between runs, so that only the first one makes it.
    :param all_admins: let everybody in as administrator; otherwise the user ``admin`` has a password.
    :param token: for the API; default one that is got by logging in.
    :param migrate: makes an empty database; default Airflow's own command.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        processes: ProcessGroup,
        *,
        env: Mapping[str, str],
        template: Path,
        all_admins: bool = True,
        parallelism: int = 4,
        port: int | None = None,
        token: str = "",
        migrate: Callable[[Path], None] | None = None,
    ) -> None:
        self.home = home
        self.dags = dags
        self.processes = processes
        self.template = template
        self.all_admins = all_admins
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**_clean_environment(), **self._settings(parallelism), **env}
        self.running: dict[str, subprocess.Popen[str]] = {}
        self._token = token
        self._migrate = migrate or self._migrate_database

    def _settings(self, parallelism: int) -> dict[str, str]:
        fernet_key = urlsafe_b64encode(secrets.token_bytes(32)).decode()
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": str(parallelism),
            "AIRFLOW__CORE__FERNET_KEY": fernet_key,
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(self.all_admins),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",  # by which triggers know that it has gone round
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
            "AIRFLOW__AZTK__POLL_INTERVAL": "2",
            "AIRFLOW__AZTK__DEPLOYMENT_ID": f"local-{secrets.token_hex(8)}",  # a loopback address names nobody
            "PYTHONUNBUFFERED": "1",
        }

    # -- its life ------------------------------------------------------------------------------------------------

    def prepare(self) -> bool:
        """Make the folder and the database; say whether the database had to be migrated."""
        self.home.mkdir(parents=True, exist_ok=True)
        kept = self.template / f"airflow-{version('apache-airflow')}.db"  # another version wants another database
        made = not kept.exists()
        if made:
            self._migrate(kept)
        shutil.copyfile(kept, self.home / "airflow.db")
        return made

    def _migrate_database(self, kept: Path) -> None:
        work = self.home / "migrating"
        work.mkdir(parents=True)
        env = {
            **self.env,
            "AIRFLOW_HOME": str(work),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{work}/airflow.db",
        }
        log = self.home / "db-migrate.log"
        process = self.processes.start("db migrate", airflow("db", "migrate"), env=env, log=log)
        if process.wait() != 0:
            raise DeploymentError(f"airflow db migrate failed:\n{tail(log)}")
        self.processes.forget(process)
        self.template.mkdir(parents=True, exist_ok=True)
        (work / "airflow.db").replace(kept)

    def start(self, component: str | None = None) -> None:
        """Start one process, or all four."""
        for name in [component] if component else COMPONENTS:
            log = self.home / f"{name}.log"
            self.running[name] = self.processes.start(name, airflow(*COMPONENTS[name]), env=self.env, log=log)

    def wait_until_healthy(self, timeout: float = 300.0) -> None:
        """Wait until all four say that they are well."""
        end = time.monotonic() + timeout
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        while True:
            if name := self.processes.died():
                raise DeploymentError(f"{name} has ended:\n{tail(self.home / f'{name}.log')}")
            try:
                health = self._health()
                if all(health[part]["status"] == "healthy" for part in parts):
                    return
            except (OSError, ValueError, http.client.HTTPException):
                pass
            if time.monotonic() > end:
                raise DeploymentError(f"Airflow was not healthy within {timeout:g} s; see {self.home}")
            time.sleep(0.5)

    def _health(self) -> Json:
        """Ask once how Airflow is: who waits for it asks again."""
        with _DIRECT.open(self.url + "/api/v2/monitor/health", timeout=ANSWER_TIMEOUT) as answer:
            return dict(json.loads(answer.read()))

    # -- REST ----------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        """GET a path of the API."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Call the API.

        :raises DeploymentError: with status and answer, where it refuses.
        """
        if not self._token and not path.startswith("/api/v2/monitor"):
            self._token = self._login()
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json", **(headers or {})},
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        text = self._send(request, f"{method} {path}")
        return json.loads(text) if text else None

    def _send(self, request: urllib.request.Request, what: str) -> bytes:
        """Send a request, and again where the answer is slow, cut, or none: only all of the tries have a limit.

        What changes something is sent again only where it cannot have arrived: a DAG run that was asked for twice
        runs twice.

        :raises AirflowRefusedError: with status and answer, where Airflow refuses.
        :raises DeploymentError: where no answer comes within :data:`PATIENCE`.
        """
        end = time.monotonic() + PATIENCE
        timeout = ANSWER_TIMEOUT if request.get_method() == "GET" else PATIENCE
        for pause in _pauses():
            try:
                with _DIRECT.open(request, timeout=min(timeout, max(1.0, end - time.monotonic()))) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    text = error.read().decode(errors="replace")[:500]
                if error.code not in _BUSY and _DATABASE_ERROR not in text:
                    raise AirflowRefusedError(f"{what}: {error.code} {text}", error.code) from error
                trouble: Exception = error
            except (OSError, http.client.HTTPException) as error:
                if request.get_method() != "GET" and not _was_refused(error):
                    raise DeploymentError(f"{what}: no answer within {PATIENCE:.0f} s ({error})") from error
                trouble = error
            if name := self.processes.died():
                raise DeploymentError(f"{name} has ended:\n{tail(self.home / f'{name}.log')}") from trouble
            if time.monotonic() + pause > end:
                raise DeploymentError(f"{what}: no answer within {PATIENCE:.0f} s ({trouble})") from trouble
            time.sleep(pause)
        raise AssertionError("pauses never end")

    def _login(self) -> str:
        if self.all_admins:
            return str(
                json.loads(self._send(urllib.request.Request(self.url + "/auth/token"), "login"))["access_token"]
            )
        body = json.dumps({"username": "admin", "password": self.password}).encode()
        request = urllib.request.Request(
            self.url + "/auth/token", method="POST", data=body, headers={"Content-Type": "application/json"}
        )
        return str(json.loads(self._send(request, "login"))["access_token"])

    @property
    def password(self) -> str:
        """The password of the user ``admin``."""
        path = self.home / "simple_auth_manager_passwords.json.generated"
        return str(json.loads(path.read_text())["admin"])

    # -- DAGs ----------------------------------------------------------------------------------------------------

    def wait_for_dag(self, dag_id: str, timeout: float = 300.0) -> None:
        """Wait until a DAG has been parsed."""
        end = time.monotonic() + timeout
        while True:
            found = [dag["dag_id"] for dag in self.get("/api/v2/dags?limit=100")["dags"]]
            if dag_id in found:
                return
            errors = self.get("/api/v2/importErrors")["import_errors"]
            if errors:
                raise DeploymentError(f"{errors[0]['filename']} cannot be imported:\n{errors[0]['stack_trace']}")
            if time.monotonic() > end:
                raise DeploymentError(f"no DAG {dag_id} within {timeout:g} s; there are {found}")
            time.sleep(0.5)

    def trigger(self, dag_id: str, conf: Json | None = None, run_id: str | None = None) -> str:
        """Start a run and give its id."""
        body: Json = {"logical_date": None, "conf": conf or {}}
        if run_id:
            body["dag_run_id"] = run_id
        return str(self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float = 600.0) -> str:
        """Wait until a run is over, and return its state."""
        end = time.monotonic() + timeout
        while (state := self.run_state(dag_id, run_id)) not in _STOP_STATES:
            if time.monotonic() > end:
                raise DeploymentError(f"run {run_id} of {dag_id} is still {state} after {timeout:g} s")
            time.sleep(0.5)
        return state

    def tasks(self, dag_id: str, run_id: str) -> list[Json]:
        """List the task instances of a run."""
        found = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=200")
        return list(found["task_instances"])

    def log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> list[Json]:
        """Return the lines of a task's log, as the UI shows them; none of a try that has not begun."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        try:
            content = self.get(f"{path}?full_content=true&map_index={map_index}")["content"]
        except AirflowRefusedError as error:
            if error.status != _NOT_FOUND:
                raise
            return []  # it has not begun, and may never do
        return [line if isinstance(line, dict) else {"event": line} for line in content]


def airflow(*arguments: str) -> list[str]:
    """Return the command line of an Airflow command, run by this interpreter."""
    return [sys.executable, "-m", "airflow", *arguments]


def _pauses() -> Iterator[float]:
    """Return the seconds between two tries."""
    yield from (0.2, 0.5, 1.0)
    while True:
        yield 2.0


def _was_refused(error: Exception) -> bool:
    """Return whether nobody took the request, so that it has done nothing."""
    return isinstance(getattr(error, "reason", error), ConnectionRefusedError)


def free_port() -> int:
    """Find a free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(path: Path, lines: int = 30) -> str:
    """Return the last lines of a file."""
    if not path.exists():
        return "(no output)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _clean_environment() -> dict[str, str]:
    """Take this process's environment without settings of some other Airflow."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
