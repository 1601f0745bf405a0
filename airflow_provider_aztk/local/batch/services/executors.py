"""What is needed to run a command on a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings
from airflow_provider_aztk.local.batch.execution.process import ProcessExecutor
from airflow_provider_aztk.local.batch.execution.simulated import SimulatedExecutor
from airflow_provider_aztk.local.batch.execution.transfer import Transfers
from airflow_provider_aztk.local.batch.services.faults import FaultInjector

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.execution.base import Command, Execution

__all__ = ["Executors"]


@dataclass(frozen=True, kw_only=True)
class Executors:
    """The settings, file transfers and executors of one emulated account, and the faults that its commands meet."""

    settings: EmulatorSettings
    faults: FaultInjector
    processes: ProcessExecutor
    simulations: SimulatedExecutor
    transfers: Transfers

    async def start(self, command: Command) -> Execution:
        """Start a command, as a process or simulated."""
        executor = self.processes if command.simulation is None else self.simulations
        return await executor.start(command)
