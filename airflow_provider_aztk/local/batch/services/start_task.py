"""Running a pool's start task on a node."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.times import format_time, utcnow
from airflow_provider_aztk.local.batch.execution.base import Command, Execution, Failure, Outcome
from airflow_provider_aztk.local.batch.execution.environment import TaskPlace, build_environment
from airflow_provider_aztk.local.batch.execution.layout import make_task_directory
from airflow_provider_aztk.local.batch.execution.transfer import TransferError

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.values import Json
    from airflow_provider_aztk.local.batch.services.executors import Executors
    from airflow_provider_aztk.local.batch.store.records import NodeRecord
    from airflow_provider_aztk.local.batch.store.specs import StartTaskSpec

__all__ = ["EXIT_CODE_FAILURE", "StartTaskRun"]

log = logging.getLogger(__name__)

EXIT_CODE_FAILURE = Failure(
    code="FailureExitCode",
    message="The task exited with an exit code representing a failure",
    details=(("Message", "The task exited with an exit code representing a failure"),),
)


class StartTaskRun:
    """One start task on one node, with its retries."""

    def __init__(self, executors: Executors, node: NodeRecord, spec: StartTaskSpec) -> None:
        self._executors = executors
        self._node = node
        self._spec = spec

    async def run(self) -> None:
        """Run it; its end is only recorded."""
        await self.succeeds()

    async def succeeds(self) -> bool:
        """Run it, with its retries, and return whether it succeeded."""
        limit = self._spec.max_retries
        retries = 0
        while True:
            outcome = await self._once(retries)
            may_retry = outcome.failure is None and (limit < 0 or retries < limit)
            if outcome.exit_code == 0 or not may_retry:
                return outcome.exit_code == 0
            retries += 1

    async def _once(self, retries: int) -> Outcome:
        info: Json = {"state": "running", "startTime": format_time(utcnow()), "retryCount": retries}
        if retries:
            info["lastRetryTime"] = info["startTime"]
        self._node.start_task_info = info
        try:
            outcome = await self._execute()
        except Exception:
            log.exception("the start task of node %s could not be run", self._node.id)
            outcome = Outcome(failure=Failure(code="InternalError", message="The local stack failed to run the task"))
        done = {**info, "state": "completed", "endTime": format_time(utcnow())}
        if outcome.exit_code is not None:
            done["exitCode"] = outcome.exit_code
        failure = outcome.failure or (EXIT_CODE_FAILURE if outcome.exit_code else None)
        if failure is not None:
            done["failureInfo"] = failure.to_json()
        done["result"] = "failure" if failure else "success"
        self._node.start_task_info = done
        return outcome

    async def _execute(self) -> Outcome:
        fault = self._executors.faults.for_start_task(self._node.pool_id)
        directory = self._node.root / "startup"
        make_task_directory(directory)
        if fault is not None:
            return Outcome(exit_code=fault.exit_code)
        try:
            await self._executors.transfers.fetch(self._spec.resource_files, directory / "wd")
        except TransferError as error:
            return Outcome(failure=error.failure)
        execution = await self._start()
        try:
            return await execution.wait()
        except asyncio.CancelledError:
            execution.kill()
            await asyncio.shield(execution.wait())
            raise

    async def _start(self) -> Execution:
        place = TaskPlace(node=self._node, directory=self._node.root / "startup")
        command = Command(
            line=self._spec.command_line,
            directory=place.directory,
            env=build_environment(
                self._executors.settings,
                place,
                self._spec,
                changes=self._executors.faults.orders.environment(self._node.pool_id),
            ),
            simulation=self._spec.simulation,
        )
        return await self._executors.start(command)
