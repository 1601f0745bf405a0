"""One application: its Spark driver in client mode, its log, its lease, its result."""

from __future__ import annotations

import contextlib
import os
import traceback
from dataclasses import dataclass
from typing import Dict, List, Mapping, Tuple

from airflow_provider_aztk.node import contract, machine
from airflow_provider_aztk.node.context import (
    Context,
    build,
    read_document,
    read_master_blob,
    spark_secret,
    wait_for_master,
)
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.contract.documents import Application, Master, Secrets
from airflow_provider_aztk.node.errors import BlobError, NodeError, StoppedError, TerminatedError
from airflow_provider_aztk.node.log.driver_log import DriverLog
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.monitoring import heartbeat
from airflow_provider_aztk.node.monitoring.heartbeat import Vitals
from airflow_provider_aztk.node.process.child import Child, running
from airflow_provider_aztk.node.spark import (
    custom_scripts,
    env_file,
    home,
    properties,
    pythons,
    requirements,
    run_directory,
    submit,
)
from airflow_provider_aztk.node.spark.placement import Placement
from airflow_provider_aztk.node.spark.submit import Placed
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.files import Files
from airflow_provider_aztk.node.timings import hasty

__all__ = ["run"]

TICK = 0.1
STOP_GRACE = 15.0
MASTER_PATIENCE = 3600.0
LOG_PATIENCE = 900.0
LOG_PATIENCE_TERMINATED = 15.0
RESULT_POLICY = Policy(timeout=30.0, patience=120.0)


@dataclass(frozen=True)
class Ending:
    """How an attempt ended.

    :param by_program: the program itself ended, so the log holds its words and nothing of ours
    """

    outcome: str
    exit_code: int
    message: str
    by_program: bool = False


def run(context: Context) -> int:
    """Run the application, once; give its program's exit code, or one of the wrapper's own."""
    name = context.task_id
    attempt = _begin(context)
    log = DriverLog(context.blobs, name, context.private.parent)
    log.open(f"--- aztk: attempt {attempt} on node {context.node_id} ---")
    pulse = Vitals(context.blobs, name, context.node_id)
    pulse.start()
    patience = LOG_PATIENCE
    try:
        ending = _Attempt(context, log, pulse, attempt).run()
    except TerminatedError as error:
        ending = Ending("stopped", error.exit_code, "the task was terminated")
        patience = LOG_PATIENCE_TERMINATED
    except NodeError as error:
        outcome = "stopped" if isinstance(error, StoppedError) else "failed"
        ending = Ending(outcome, error.exit_code, str(error))
    except Exception as error:
        # A full disk, or a fault of ours: the client must still hear of the end.
        traceback.print_exc()
        ending = Ending("failed", 1, f"the node code failed: {type(error).__name__}: {error}")
    if not ending.by_program:
        log.write(f"aztk: {ending.message}\n".encode())
    log.close(patience)
    _say_result(context, ending, attempt, log.fault)
    pulse.end()
    return ending.exit_code


class _Attempt:
    """One run of the program, from its files to its exit code."""

    def __init__(self, context: Context, log: DriverLog, pulse: Vitals, number: int) -> None:
        self._context = context
        self._log = log
        self._pulse = pulse
        self._number = number

    def run(self) -> Ending:
        """Prepare, run, and tell how it ended."""
        self._check()
        context = self._context
        app = read_document(context.path(contract.app_definition_blob(context.task_id)), Application.from_json)
        env = home.prepare(context.workdir, context.host, context.env)
        secrets = _secrets(context)
        roles = {contract.RUN_ON_MASTER}
        custom_scripts.run_scripts(
            context.cluster.scripts, roles, context.workdir, self._script_env(env), self._run_logged
        )
        env = env_file.load(env)
        placed = self._place(app, env, secrets)
        directory, program = self._run_directory(app, placed)
        secret = spark_secret(context.blobs)
        master = wait_for_master(context, MASTER_PATIENCE, self._check)
        values = self._properties(app, env, secrets, placed, master, secret)
        path = context.private.write("driver.properties", properties.dump(values))
        command = submit.submit_command(home.tool(env, "spark-submit"), path, app, program)
        if values.get("spark.ui.enabled", "true").lower() != "false":
            ui_port = int(values["spark.ui.port"])
            self._pulse.serve(master, ui_port, context.host)
            self._pulse.place(master, ui_port, context.host, Placement(app.executor_timeout_seconds, self._tell))
        say(f"submitting {context.task_id} to {master.url}")
        return self._run_to_verdict(command, submit.driver_environment(env, app, secrets, placed), directory)

    def _script_env(self, env: Dict[str, str]) -> Dict[str, str]:
        """Tell scripts where the master is, if it is there already: they run before anybody waits for it."""
        with contextlib.suppress(BlobError):
            master = read_master_blob(self._context.blobs)
            if master is not None:
                return {**env, "AZTK_MASTER_IP": master.host}
        return env

    def _place(self, app: Application, env: Dict[str, str], secrets: Secrets) -> Placed:
        files = Files(self._context.blobs, os.path.join(self._context.workdir, "files"), self._check)
        directory, archive = "", ""
        if app.requirements is not None:
            listed = files.place(app.requirements)
            env = {**env, **app.env, **secrets.env}
            defaults = home.read_defaults(env["SPARK_CONF_DIR"])
            python = pythons.chosen({**defaults, **self._context.cluster.conf, **app.conf, **secrets.conf}, env)
            directory, archive = requirements.install(listed, self._context.workdir, python, env, self._run_logged)
        return Placed(
            application=files.place(app.application),
            jars=files.place_all([*self._context.cluster.jars, *app.jars]),
            py_files=files.place_all(app.py_files),
            files=files.place_all(app.files),
            archives=files.place_archives(app.archives),
            requirements_dir=directory,
            requirements_archive=archive,
        )

    def _run_directory(self, app: Application, placed: Placed) -> Tuple[str, str]:
        """Make the directory that the driver runs in; return it, and what Spark is to run."""
        own_jars = placed.jars[len(self._context.cluster.jars) :]
        paths = [placed.application, *placed.files, *placed.py_files, *own_jars]
        directory = run_directory.make_run_directory(self._context.workdir, self._number, paths)
        if app.application.url and not app.application.name:  # Spark fetches it
            return directory, placed.application
        # From here Python finds the modules beside it, and the program what it looks for beside __file__.
        return directory, os.path.join(directory, app.application.name)

    def _properties(
        self, app: Application, env: Dict[str, str], secrets: Secrets, placed: Placed, master: Master, secret: str
    ) -> Dict[str, str]:
        host = self._context.host
        weak = {
            # Ivy's cache is not safe to share with another driver on the same node.
            "spark.jars.ivy": os.path.join(self._context.workdir, "spark", "ivy"),
            # As a property and not as --name, which would win against the user's own spark.app.name.
            "spark.app.name": app.name,
        }
        values = submit.driver_properties(
            app,
            self._context.cluster,
            home.read_defaults(env["SPARK_CONF_DIR"]),
            secrets,
            placed,
            weak,
            submit.enforced_properties(master, host, secret),
        )
        # Each worker may have another one, and tells its executors; what the driver says would win over that.
        values.pop("spark.shuffle.service.port", None)
        # Several drivers share a node. From a port that is taken Spark would move to one where nobody looks for it.
        wanted = values.get("spark.ui.port", "")
        values["spark.ui.port"] = str(machine.free_port(host, int(wanted) if wanted.isdigit() else 0))
        return values

    def _run_logged(self, command: List[str], env: Mapping[str, str]) -> int:
        """Run a helper with its output in the log; raise if the application is stopped meanwhile."""
        ending = self._run_to_verdict(command, env)
        self._check()
        return ending.exit_code

    def _run_to_verdict(self, command: List[str], env: Mapping[str, str], directory: str = "") -> Ending:
        """Run a program with its output in the log, until it ends or has to.

        :param directory: where it runs; default the task's working directory
        """
        context = self._context
        directory = directory or context.workdir
        env = {**env, "PWD": directory}
        child = Child(command, env, directory, context.private.directory, capture=True)
        assert child.output is not None
        self._log.follow(child.output)
        try:
            with running(child, hasty(STOP_GRACE)):
                while child.poll() is None and not self._pulse.verdict:
                    context.signals.pause(TICK)
                # What ended by itself was not stopped, even if somebody wanted it at the same moment.
                verdict = self._pulse.verdict if child.poll() is None else ""
        finally:
            self._log.drain()
        return _ending(child.stop(), verdict, self._pulse.reason)

    def _tell(self, text: str) -> None:
        self._log.write(f"aztk: {text}\n".encode())

    def _check(self) -> None:
        self._context.signals.check()
        if self._pulse.verdict == heartbeat.STOPPED:
            raise StoppedError("stopped on request")


def _ending(code: int, verdict: str, reason: str = "") -> Ending:
    if verdict == heartbeat.STOPPED:
        return Ending("stopped", contract.EXIT_STOPPED, "stopped on request")
    if verdict == heartbeat.LOST:
        message = contract.WRAPPER_EXIT_CODES[contract.EXIT_MASTER_LOST]
        return Ending("lost", contract.EXIT_MASTER_LOST, message)
    if verdict == heartbeat.UNPLACED:
        message = contract.WRAPPER_EXIT_CODES[contract.EXIT_NO_EXECUTOR]
        return Ending("failed", contract.EXIT_NO_EXECUTOR, f"{message}: {reason}")
    if code == 0:
        return Ending("success", 0, "", by_program=True)
    if code in contract.WRAPPER_EXIT_CODES:  # who reads the task's code would take it for the wrapper's word
        kept = "which stands for something else here: the task ends with 1"
        return Ending("failed", 1, f"the program ended with exit code {code}, {kept}")
    return Ending("failed", code, f"the program ended with exit code {code}", by_program=True)


def _begin(context: Context) -> int:
    """Count this attempt, which leaves a trace even if the node is lost before its end."""
    blob = contract.app_attempt_blob(context.task_id)
    data = context.blobs.get(blob)
    attempt = (int(documents.parse(data, blob)["attempt"]) if data else 0) + 1
    context.blobs.put(blob, documents.encode({"attempt": attempt, "node_id": context.node_id}))
    return attempt


def _secrets(context: Context) -> Secrets:
    blob = contract.app_secrets_blob(context.task_id)
    data = context.blobs.get(blob)
    return build(documents.parse(data, blob), Secrets.from_json, blob) if data else Secrets()


def _say_result(context: Context, ending: Ending, attempt: int, log_fault: str) -> None:
    message = "; ".join(part for part in (ending.message, log_fault) if part)
    result = {"outcome": ending.outcome, "exit_code": ending.exit_code, "attempt": attempt, "message": message}
    say(f"attempt {attempt} ended: {ending.outcome}, exit code {ending.exit_code}. {message}".rstrip())
    try:
        blobs = context.blobs.with_policy(RESULT_POLICY)
        blobs.put(contract.app_result_blob(context.task_id), documents.encode(result))
    except NodeError as error:
        say(f"the result could not be written: {error}")
