"""What the services ask of an executor, and what they get back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aztk.local.batch.store.specs import Simulation

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["Command", "Execution", "Failure", "Outcome"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run failed, as Batch tells it in ``failureInfo``."""

    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()
    category: str = "UserError"

    def to_json(self) -> Json:
        """Write it as ``failureInfo``."""
        info: Json = {"category": self.category, "code": self.code, "message": self.message}
        if self.details:
            info["details"] = [{"name": name, "value": value} for name, value in self.details]
        return info


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command to run in a directory of a node."""

    line: str
    directory: Path
    env: Mapping[str, str] = field(repr=False)
    simulation: Simulation | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended: with an exit code, or without having started."""

    exit_code: int | None = None
    failure: Failure | None = None


class Execution(Protocol):
    """A command that was started."""

    async def wait(self) -> Outcome:
        """Wait for the end of the command and of everything that it started."""

    def kill(self) -> None:
        """End it now, with everything that it started; :meth:`wait` tells when that is done."""
