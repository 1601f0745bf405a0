"""The states that Azure Batch and AZTK know; an unknown one is kept as a value."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["ApplicationState", "ClusterState", "JobState", "Outcome"]


class _OpenStrEnum(StrEnum):
    """A StrEnum that keeps a value it does not know: the service may get new states before this client knows them."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        member = str.__new__(cls, str(value))
        member._name_ = str(value).upper()
        member._value_ = str(value)
        return member


class ClusterState(_OpenStrEnum):
    """The state of a cluster: whether it can be used, or ever will be.

    AZTK's ``visible_state`` (Batch's allocation and pool state) stands beside it in
    :class:`~airflow_provider_aztk.client.models.Cluster`.
    """

    CREATING = "creating"
    READY = "ready"
    FAILED = "failed"
    ENDED = "ended"
    DELETING = "deleting"

    @property
    def is_terminal(self) -> bool:
        """Whether the cluster will never be ready, or not again."""
        return self in (ClusterState.FAILED, ClusterState.ENDED, ClusterState.DELETING)

    @property
    def is_successful(self) -> bool:
        """Whether the cluster can take applications."""
        return self is ClusterState.READY


class ApplicationState(_OpenStrEnum):
    """The state of an application's Batch task (learn.microsoft.com/rest/api/batchservice, BatchTaskState)."""

    ACTIVE = "active"
    PREPARING = "preparing"
    RUNNING = "running"
    COMPLETED = "completed"

    @property
    def is_terminal(self) -> bool:
        """Whether the application has ended, in whatever way."""
        return self is ApplicationState.COMPLETED


class JobState(_OpenStrEnum):
    """The state of an AZTK job, which is a Batch job (learn.microsoft.com/rest/api/batchservice, BatchJobState)."""

    ACTIVE = "active"
    COMPLETED = "completed"
    DISABLING = "disabling"
    DISABLED = "disabled"
    ENABLING = "enabling"
    TERMINATING = "terminating"
    DELETING = "deleting"

    @property
    def is_terminal(self) -> bool:
        """Whether no application of the job will run any more."""
        return self in (JobState.COMPLETED, JobState.DELETING)


class Outcome(_OpenStrEnum):
    """How an application, or a job as a whole, ended."""

    SUCCESS = "success"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def is_successful(self) -> bool:
        """Whether it succeeded."""
        return self is Outcome.SUCCESS
