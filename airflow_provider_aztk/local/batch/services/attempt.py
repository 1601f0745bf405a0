"""One attempt to run one task on one node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_aztk.local.batch.execution.base import Command, Execution, Failure
from airflow_provider_aztk.local.batch.execution.environment import TaskPlace, build_environment
from airflow_provider_aztk.local.batch.execution.layout import make_task_directory, task_directory
from airflow_provider_aztk.local.batch.execution.transfer import TransferError
from airflow_provider_aztk.local.batch.services.exit_conditions import End
from airflow_provider_aztk.local.batch.services.run_options import run_options_failure
from airflow_provider_aztk.local.batch.services.start_task import EXIT_CODE_FAILURE

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from airflow_provider_aztk.local.batch.services.executors import Executors
    from airflow_provider_aztk.local.batch.store.records import JobRecord, NodeRecord, PoolRecord, TaskRecord

__all__ = ["TASK_ENDED", "Attempt", "Cause", "run_attempt"]

#: Why an attempt was ended from outside. ``requeue`` is by a user's request and counted, ``recover`` is not.
Cause = Literal["terminate", "timeout", "requeue", "recover", "delete"]

TASK_ENDED = Failure(code="TaskEnded", message="Task Was Ended by User Request")
# Field reports show an ordinary failing exit code when the time of a task is over.
_TIMED_OUT = Failure(
    code=EXIT_CODE_FAILURE.code,
    message=EXIT_CODE_FAILURE.message,
    details=(("Message", "The task was ended because it exceeded its maximum wall clock time"),),
)


class Attempt:
    """The run of a task: what it holds, how it ends."""

    def __init__(self, pool: PoolRecord, node: NodeRecord, job: JobRecord, task: TaskRecord) -> None:
        self.pool = pool
        self.node = node
        self.job = job
        self.task = task
        self.cause: Cause | None = None
        self.tries = 0
        self.exit_code: int | None = None
        self.failure: Failure | None = None
        self.end_kind = End.EXITED
        self.finished = asyncio.Event()
        self.execution: Execution | None = None
        self._ended = asyncio.Event()

    def end(self, cause: Cause) -> None:
        """End the attempt from outside; the first cause counts."""
        if self.cause is not None:
            if cause == "delete":
                self.cause = cause  # a deletion needs no further news of the task
            return
        self.cause = cause
        if cause in ("terminate", "timeout"):
            self.failure = TASK_ENDED if cause == "terminate" else _TIMED_OUT
        self._ended.set()
        if self.execution is not None:
            self.execution.kill()

    async def unless_ended(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that is given up when the attempt is ended."""
        doing = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self._ended.wait())
        await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            return
        doing.result()

    def fail(self, end: End, failure: Failure) -> None:
        """Note why it failed, unless it was ended from outside."""
        if self.cause is None:
            self.end_kind, self.failure = end, failure

    def fail_internally(self) -> None:
        """Note that the emulator itself failed."""
        self.fail(
            End.NOT_STARTED,
            Failure(code="InternalError", message="The local stack failed to run the task", category="ServerError"),
        )


async def run_attempt(executors: Executors, attempt: Attempt) -> bool:
    """Run the task's command once; return whether it ran and its exit code asks for a retry."""
    attempt.exit_code = attempt.failure = None
    attempt.end_kind = End.EXITED
    task, spec = attempt.task, attempt.task.spec
    if not _container_is_fine(executors, attempt):
        return False
    directory = task_directory(attempt.node.root, task.job_id, task.id)
    task.directory, task.files_cleaned = directory, False
    attempt.tries += 1
    # A retry on the same node finds what the earlier tries have left, and resource files are not fetched again.
    if spec.simulation is None and attempt.tries == 1:
        make_task_directory(directory)
        try:
            await attempt.unless_ended(executors.transfers.fetch(spec.resource_files, directory / "wd"))
        except TransferError as error:
            attempt.fail(End.NOT_STARTED, error.failure)
    if attempt.cause is not None or attempt.failure is not None:
        return False
    await _execute(executors, attempt)
    if spec.simulation is None and attempt.cause is None:
        await _upload(executors, attempt)
    return attempt.cause is None and attempt.end_kind is End.EXITED and attempt.exit_code != 0


def _container_is_fine(executors: Executors, attempt: Attempt) -> bool:
    image = attempt.task.spec.container_image
    if (image is None) is not (attempt.pool.spec.container_images is None):
        attempt.fail(
            End.NOT_STARTED,
            Failure(
                code="ContainerInvalidSettings",
                message="Container settings must be given exactly when the pool is a container pool",
            ),
        )
        return False
    if image is None:
        return True
    refused = executors.faults.orders.refused_options
    invalid = run_options_failure(attempt.task.spec.run_options, refused) if executors.settings.strict_azure else None
    if invalid is not None:
        attempt.fail(End.NOT_STARTED, invalid)
        return False
    if executors.faults.for_image(attempt.pool.id, [image], "task") is not None:
        attempt.fail(
            End.NOT_STARTED,
            Failure(
                code="ContainerInvalidImage",
                message="The container image specified for the task is invalid",
                details=(("Image", image),),
            ),
        )
        return False
    attempt.task.container = {"containerId": f"local-{attempt.task.number}-{attempt.task.runs}", "state": "running"}
    return True


async def _execute(executors: Executors, attempt: Attempt) -> None:
    task, spec = attempt.task, attempt.task.spec
    assert task.directory is not None
    place = TaskPlace(node=attempt.node, directory=task.directory, job_id=task.job_id, task_id=task.id)
    command = Command(
        line=spec.command_line,
        directory=task.directory,
        env={} if spec.simulation else _environment(executors, attempt, place),
        simulation=spec.simulation,
    )
    attempt.execution = await executors.start(command)
    if attempt.cause is not None:  # it was ended while it started
        attempt.execution.kill()
    outcome = await attempt.execution.wait()
    attempt.execution = None
    attempt.exit_code = outcome.exit_code
    if task.container is not None:
        task.container = {**task.container, "state": "exited"}
        attempt.node.containers_left += not spec.removes_container
    if outcome.failure is not None:
        attempt.fail(End.NOT_STARTED, outcome.failure)
    elif outcome.exit_code != 0:
        attempt.fail(End.EXITED, EXIT_CODE_FAILURE)


def _environment(executors: Executors, attempt: Attempt, place: TaskPlace) -> dict[str, str]:
    changes = executors.faults.orders.environment(attempt.pool.id)
    return build_environment(executors.settings, place, attempt.task.spec, attempt.job.spec.environment, changes)


async def _upload(executors: Executors, attempt: Attempt) -> None:
    directory = attempt.task.directory
    assert directory is not None
    try:
        await attempt.unless_ended(
            executors.transfers.upload(attempt.task.spec.output_files, directory, succeeded=attempt.exit_code == 0)
        )
    except TransferError as error:
        attempt.fail(End.UPLOAD_FAILED, error.failure)
