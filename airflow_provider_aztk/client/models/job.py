"""An AZTK job as it exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_aztk.client.models._record import Failure
from airflow_provider_aztk.client.models.application import Application
from airflow_provider_aztk.client.models.states import JobState, Outcome

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """An AZTK job as it exists.

    :param applications: by name; None for an application that has not been scheduled yet.
    :param outcome: how it ended, from the outcomes of its applications; None while it has not.
    :param failure: why it failed as a whole (no pool, time limit), where it did.
    :param container: the storage container with its files and logs.
    :param is_submitted: whether all of its tasks were added; False where its submission was interrupted: ``submit_job``
        with the same configuration finishes it. True, too, where the tasks were not asked for (``list_jobs``).
    """

    id: str
    state: JobState
    last_modified: datetime | None = None
    creation_time: datetime | None = None
    state_transition_time: datetime | None = None
    applications: Mapping[str, Application | None] = field(default_factory=dict)
    outcome: Outcome | None = None
    failure: Failure | None = None
    pool_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    is_submitted: bool = True
