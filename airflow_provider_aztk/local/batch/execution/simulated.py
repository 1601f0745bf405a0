"""Tasks that end after a declared time, without a process."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import invalid_property
from airflow_provider_aztk.local.batch.execution.base import Command, Execution, Outcome
from airflow_provider_aztk.local.batch.store.specs import Simulation

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.store.specs import Environment

__all__ = ["SIMULATE_VARIABLE", "SimulatedExecutor", "read_simulation"]

#: An environment setting of this name, with a JSON object as value, makes a task simulated.
SIMULATE_VARIABLE = "AZTK_LOCAL_SIMULATE"
_KILLED = 137


def read_simulation(environment: Environment) -> Simulation | None:
    """Find the declaration of a simulated task among its environment settings.

    :raises BatchServiceError: the declaration cannot be read.
    """
    for name, value in environment:
        if name == SIMULATE_VARIABLE:
            return _parse(value)
    return None


def _parse(text: str | None) -> Simulation:
    try:
        declared = None if text is None else json.loads(text)
    except ValueError:
        declared = None
    if not isinstance(declared, dict):
        raise invalid_property(SIMULATE_VARIABLE, text, 'A JSON object is expected, such as {"seconds": 1}.')
    seconds, exit_code = declared.get("seconds", 0), declared.get("exit_code", 0)
    if not isinstance(seconds, int | float) or seconds < 0 or not isinstance(exit_code, int):
        raise invalid_property(SIMULATE_VARIABLE, text, "seconds is a number of at least 0, exit_code a whole number.")
    return Simulation(seconds=float(seconds), exit_code=exit_code, stdout=str(declared.get("stdout", "")))


class _SimulatedExecution:
    def __init__(self, seconds: float, exit_code: int) -> None:
        loop = asyncio.get_running_loop()
        self._done: asyncio.Future[int] = loop.create_future()
        self._timer = loop.call_later(seconds, self._finish, exit_code)

    def _finish(self, exit_code: int) -> None:
        if not self._done.done():
            self._done.set_result(exit_code)

    async def wait(self) -> Outcome:
        return Outcome(exit_code=await self._done)

    def kill(self) -> None:
        self._timer.cancel()
        self._finish(_KILLED)


class SimulatedExecutor:
    """Lets time pass instead of running anything."""

    async def start(self, command: Command) -> Execution:
        """Start the clock of a simulated command."""
        declared = command.simulation or Simulation()
        return _SimulatedExecution(declared.seconds, declared.exit_code)
