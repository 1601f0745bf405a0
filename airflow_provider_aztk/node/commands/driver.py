"""One application: its Spark driver in client mode, its log, its lease, its result."""

from __future__ import annotations

import contextlib
import os
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Mapping, Tuple

from airflow_provider_aztk.node import machine
from airflow_provider_aztk.node.context import read_master_blob, spark_secret, wait_for_master
from airflow_provider_aztk.node.contract import (
    EXIT_MASTER_LOST,
    EXIT_NO_EXECUTOR,
    EXIT_STOPPED,
    RUN_ON_MASTER,
    WRAPPER_EXIT_CODES,
    Application,
    ApplicationBlobs,
    Attempt,
    Outcome,
    Result,
    Secrets,
)
from airflow_provider_aztk.node.errors import BadInputError, BlobError, NodeError, StoppedError, TerminatedError
from airflow_provider_aztk.node.log.driver_log import DriverLog
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.monitoring.heartbeat import LOST, STOPPED, UNPLACED, Heartbeat
from airflow_provider_aztk.node.process.child import Child, running
from airflow_provider_aztk.node.spark import env_file, home, properties, requirements
from airflow_provider_aztk.node.spark.custom_scripts import run_scripts
from airflow_provider_aztk.node.spark.placement import PlacementMonitor
from airflow_provider_aztk.node.spark.pythons import choose
from airflow_provider_aztk.node.spark.run_directory import make_run_directory
from airflow_provider_aztk.node.spark.submit import (
    LocalFiles,
    driver_environment,
    driver_properties,
    enforced_properties,
    submit_command,
)
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.documents import read_blob, read_file
from airflow_provider_aztk.node.storage.files import Files

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context
    from airflow_provider_aztk.node.contract import Master

__all__ = ["run"]

TICK = 0.1
MASTER_PATIENCE = 3600.0
LOG_PATIENCE = 900.0
LOG_PATIENCE_TERMINATED = 15.0
RESULT_POLICY = Policy(timeout=30.0, patience=120.0)


@dataclass(frozen=True)
class AttemptResult:
    """How an attempt ended.

    :param by_program: the program itself ended, so the log holds its output only
    """

    outcome: str
    exit_code: int
    message: str
    by_program: bool = False


def run(context: Context) -> int:
    """Run the application once; return its program's exit code, or one of the node code's own."""
    name = context.task_id
    attempt = _begin_attempt(context)
    number = attempt.attempt
    # In the task's directory, which may be on a disk of its own; a file without a name is not shown by Batch.
    driver_log = DriverLog(context.blobs, name, context.directory)
    driver_log.open(f"--- aztk: attempt {number} on node {context.node_id} ---")
    heartbeat = Heartbeat(context.blobs, name, context.node_id, context.timings)
    heartbeat.start()
    patience = LOG_PATIENCE
    try:
        result = _Attempt(context, driver_log, heartbeat).run()
    except TerminatedError as error:
        result = AttemptResult(Outcome.STOPPED, error.exit_code, "the task was terminated")
        patience = LOG_PATIENCE_TERMINATED
    except NodeError as error:
        outcome = Outcome.STOPPED if isinstance(error, StoppedError) else Outcome.FAILED
        result = AttemptResult(outcome, error.exit_code, str(error))
    except Exception as error:
        # A full disk, or a bug of ours: the client must still learn of the end.
        traceback.print_exc()
        result = AttemptResult(Outcome.FAILED, 1, f"the node code failed: {type(error).__name__}: {error}")
    if not result.by_program:
        driver_log.write(f"aztk: {result.message}\n".encode())
    driver_log.close(patience)
    _write_result(context, result, attempt, driver_log.error)
    heartbeat.stop()
    return result.exit_code


class _Attempt:
    """One run of the program, from its files to its exit code."""

    def __init__(self, context: Context, driver_log: DriverLog, heartbeat: Heartbeat) -> None:
        self._context = context
        self._log = driver_log
        self._heartbeat = heartbeat

    def run(self) -> AttemptResult:
        """Prepare the driver, run it, and return how it ended."""
        self._check()
        context = self._context
        app = read_file(context.path(ApplicationBlobs(context.task_id).definition), Application)
        env = home.prepare(context.workdir, context.directory, context.host, context.env)
        secrets = read_blob(context.blobs, ApplicationBlobs(context.task_id).secrets, Secrets) or Secrets()
        scripts_env = self._with_master(env)
        scripts, roles = context.cluster.scripts, {RUN_ON_MASTER}
        run_scripts(scripts, roles, context.workdir, context.directory, scripts_env, self._run_logged)
        env = env_file.load(env)
        local = self._download(app, env, secrets)
        directory, program = self._run_directory(app, local)
        secret = spark_secret(context.blobs)
        master = wait_for_master(context, MASTER_PATIENCE, self._check)
        values = self._properties(app, env, secrets, local, master, secret)
        path = context.private.write("driver.properties", properties.dump(values))
        command = submit_command(home.tool(env, "spark-submit"), path, app, program)
        if values.get("spark.ui.enabled", "true").lower() != "false":
            ui_port = int(values["spark.ui.port"])
            self._heartbeat.watch_master(master, ui_port, context.host)
            monitor = PlacementMonitor(app.executor_timeout_seconds, self._write_line)
            self._heartbeat.watch_placement(master, ui_port, context.host, monitor)
        log(f"submitting {context.task_id} to {master.url}")
        return self._run_program(command, driver_environment(env, app, secrets, local), directory)

    def _with_master(self, env: Dict[str, str]) -> Dict[str, str]:
        """Return the environment of scripts with the master's address, if there is a master already."""
        with contextlib.suppress(BlobError):
            master = read_master_blob(self._context.blobs)
            if master is not None:
                return {**env, "AZTK_MASTER_IP": master.host}
        return env

    def _download(self, app: Application, env: Dict[str, str], secrets: Secrets) -> LocalFiles:
        context = self._context
        pause = context.timings.download_pause
        files = Files(context.blobs, os.path.join(context.directory, "files"), pause, self._check)
        directory, archive = "", ""
        if app.requirements is not None:
            listed = files.place(app.requirements)
            env = {**env, **app.env, **secrets.env}
            defaults = home.read_defaults(env["SPARK_CONF_DIR"])
            python = choose({**defaults, **app.conf, **secrets.conf}, env)
            directory, archive = requirements.install(listed, context.directory, python, env, self._run_logged)
        return LocalFiles(
            application=files.place(app.application),
            jars=files.place_all([*context.cluster.jars, *app.jars]),
            py_files=files.place_all(app.py_files),
            files=files.place_all(app.files),
            archives=files.place_archives(app.archives),
            requirements_dir=directory,
            requirements_archive=archive,
        )

    def _run_directory(self, app: Application, local: LocalFiles) -> Tuple[str, str]:
        """Make the directory that the driver runs in; return it, and what Spark is to run."""
        own_jars = local.jars[len(self._context.cluster.jars) :]
        paths = [local.application, *local.files, *local.py_files, *own_jars]
        directory = make_run_directory(self._context.directory, paths)
        if app.application.url and not app.application.name:  # Spark downloads it
            return directory, local.application
        # From here Python finds the modules beside it, and the program the files beside __file__.
        return directory, os.path.join(directory, app.application.name)

    def _properties(
        self, app: Application, env: Dict[str, str], secrets: Secrets, local: LocalFiles, master: Master, secret: str
    ) -> Dict[str, str]:
        host, cluster = self._context.host, self._context.cluster
        weak = {
            # Ivy's cache is not safe to share with another driver on the same node.
            "spark.jars.ivy": os.path.join(self._context.directory, "spark", "ivy"),
            # As a property and not as --name, which would win against the user's own spark.app.name.
            "spark.app.name": app.name,
        }
        defaults = home.read_defaults(env["SPARK_CONF_DIR"])
        enforced = enforced_properties(master, host, secret)
        values = driver_properties(app, cluster, defaults, secrets, local, weak, enforced)
        # Each worker may have its own, and gives it to its executors; the driver's value would win over that.
        values.pop("spark.shuffle.service.port", None)
        # Several drivers share a node. If the port is taken, Spark would take another one that we do not know.
        wanted = values.get("spark.ui.port", "")
        values["spark.ui.port"] = str(machine.free_port(host, int(wanted) if wanted.isdigit() else 0))
        return values

    def _run_logged(self, command: List[str], env: Mapping[str, str]) -> int:
        """Run a helper with its output in the log; raise if the application is stopped meanwhile."""
        result = self._run_program(command, env)
        self._check()
        return result.exit_code

    def _run_program(self, command: List[str], env: Mapping[str, str], directory: str = "") -> AttemptResult:
        """Run a program with its output in the log, until it ends or has to.

        :param directory: where it runs; default the attempt's
        """
        context, heartbeat = self._context, self._heartbeat
        directory = directory or context.directory
        env = {**env, "PWD": directory}
        child = Child(command, env, directory, context.private.directory, capture=True)
        assert child.output is not None
        self._log.follow(child.output)
        try:
            with running(child, context.timings.stop_grace):
                while child.poll() is None and not heartbeat.verdict:
                    context.signals.pause(TICK)
                # What ended by itself was not stopped, even if that was wanted at the same moment.
                verdict = heartbeat.verdict if child.poll() is None else ""
        finally:
            self._log.drain()
        return _result(child.stop(), verdict, heartbeat.reason)

    def _write_line(self, text: str) -> None:
        self._log.write(f"aztk: {text}\n".encode())

    def _check(self) -> None:
        self._context.signals.check()
        if self._heartbeat.verdict == STOPPED:
            raise StoppedError("stopped on request")


def _result(code: int, verdict: str, reason: str) -> AttemptResult:
    if verdict == STOPPED:
        return AttemptResult(Outcome.STOPPED, EXIT_STOPPED, "stopped on request")
    if verdict == LOST:
        return AttemptResult(Outcome.LOST, EXIT_MASTER_LOST, WRAPPER_EXIT_CODES[EXIT_MASTER_LOST])
    if verdict == UNPLACED:
        message = f"{WRAPPER_EXIT_CODES[EXIT_NO_EXECUTOR]}: {reason}"
        return AttemptResult(Outcome.FAILED, EXIT_NO_EXECUTOR, message)
    if code == 0:
        return AttemptResult(Outcome.SUCCESS, 0, "", by_program=True)
    if code in WRAPPER_EXIT_CODES:  # a reader of the task's code would take it for the node code's own
        kept = "which stands for something else here: the task ends with 1"
        return AttemptResult(Outcome.FAILED, 1, f"the program ended with exit code {code}, {kept}")
    return AttemptResult(Outcome.FAILED, code, f"the program ended with exit code {code}", by_program=True)


def _begin_attempt(context: Context) -> Attempt:
    """Count this attempt, so that it counts even if the node is lost before its end."""
    blobs = ApplicationBlobs(context.task_id)
    earlier = read_blob(context.blobs, blobs.attempt, Attempt) or Attempt(0, "")
    result = read_blob(context.blobs, blobs.result, Result)
    has_ended = result is not None and result.attempt == earlier.attempt  # else its node was lost
    attempt = Attempt(earlier.attempt + 1, context.node_id, earlier.failures + has_ended)
    context.blobs.put(blobs.attempt, attempt.to_bytes())
    if result is not None:  # its node may have been lost before Batch knew of it: then the master must not count it
        context.blobs.put(blobs.result, b"")
    return attempt


def _is_final(context: Context, result: AttemptResult, attempt: Attempt) -> bool:
    """Return whether Batch does not run the application again; False where that is not known."""
    if result.outcome in (Outcome.SUCCESS, Outcome.STOPPED):
        # A driver that is tried again after a stop stops at once, but one whose node is lost begins anew.
        return result.exit_code in (0, EXIT_STOPPED)
    try:
        retries = read_file(context.path(ApplicationBlobs(context.task_id).definition), Application).max_retry_count
    except BadInputError:
        return False
    return 0 <= retries <= attempt.failures


def _write_result(context: Context, result: AttemptResult, attempt: Attempt, log_error: str) -> None:
    message = "; ".join(part for part in (result.message, log_error) if part)
    final = _is_final(context, result, attempt)
    document = Result(result.outcome, result.exit_code, attempt.attempt, message, final)
    log(f"attempt {attempt.attempt} ended: {result.outcome}, exit code {result.exit_code}. {message}".rstrip())
    try:
        blobs = context.blobs.with_policy(RESULT_POLICY)
        blobs.put(ApplicationBlobs(context.task_id).result, document.to_bytes())
    except NodeError as error:
        log(f"the result could not be written: {error}")
