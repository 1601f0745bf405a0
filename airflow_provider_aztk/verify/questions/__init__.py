"""The questions that only an account can answer, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.verify.questions import cluster, jobs, requests, single_tasks, unasked

if TYPE_CHECKING:
    from airflow_provider_aztk.verify.answers import Question

__all__ = ["QUESTIONS"]

QUESTIONS: tuple[Question, ...] = (
    *requests.QUESTIONS,
    *cluster.QUESTIONS,
    *single_tasks.QUESTIONS,
    *jobs.QUESTIONS,
    *unasked.QUESTIONS,
)
