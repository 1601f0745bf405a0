"""An application as it exists, and its log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_provider_aztk.client.models._record import Failure
from airflow_provider_aztk.client.models.states import ApplicationState, Outcome

__all__ = ["Application", "ApplicationLog", "LogChunk"]


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application as it exists on a cluster or in a job.

    :param name: its name, the id of its Batch task.
    :param state: ``active``, ``preparing``, ``running`` or ``completed``.
    :param outcome: how it ended; None while it has not.
    :param exit_code: the driver's exit code; None where it has not ended or never ran.
    :param failure: why it failed, where it did.
    :param retry_count: how often Batch has run it again.
    :param node_id: the node its driver is or was on.
    """

    name: str
    state: ApplicationState
    last_modified: datetime | None = None
    creation_time: datetime | None = None
    state_transition_time: datetime | None = None
    previous_state: ApplicationState | None = None
    previous_state_transition_time: datetime | None = None
    exit_code: int | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    retry_count: int = 0
    node_id: str | None = None


@dataclass(frozen=True)
class ApplicationLog:
    """A driver's log, or what was added to it.

    :param log: the text; bytes that are not UTF-8 are replaced.
    :param total_bytes: size of the whole log so far, to be given as ``current_bytes`` of the next call.
    """

    name: str
    cluster_id: str
    log: str
    total_bytes: int
    application_state: ApplicationState
    exit_code: int | None


@dataclass(frozen=True, kw_only=True)
class LogChunk:
    """Some bytes of a driver's log.

    :param offset: where they begin.
    :param data: the bytes as the driver wrote them; empty where there is nothing new.
    """

    offset: int
    data: bytes

    @property
    def next_offset(self) -> int:
        """Where the next chunk begins."""
        return self.offset + len(self.data)
