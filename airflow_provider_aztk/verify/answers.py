"""Questions about Azure, and their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_provider_aztk.verify.lab import Lab

__all__ = ["Answer", "Observed", "Question", "Stage", "Verdict"]

Json = dict[str, Any]


class Stage(StrEnum):
    """When a question is asked: what must be there for it."""

    REQUESTS = "requests"
    EARLY_DELETION = "early deletion"
    CLUSTER = "cluster"
    JOB = "job"
    TASKS = "tasks"
    NEVER = "never"


class Verdict(StrEnum):
    """How an answer compares with what the emulator assumes."""

    SAME = "same"
    NOT_THE_SAME = "not the same"
    NOT_ASKED = "could not be asked"


@dataclass(frozen=True)
class Observed:
    """What Azure did.

    :param value: what is compared with what the emulator assumes.
    :param detail: further values, for the reader of the report.
    """

    value: Json
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question.

    :param id: names it in the report, in ``docs/local-stack.md`` and in a recording.
    :param asks: the question, as a sentence.
    :param assumes: what the emulator assumes, as a sentence.
    :param expected: the same as a value: the answer is the same where Azure gives this.
    :param page: the page of the documentation, which says something about it or should.
    :param stage: when it can be asked.
    :param ask: asks it.
    """

    id: str
    asks: str
    assumes: str
    expected: Json
    page: str
    stage: Stage
    ask: Callable[[Lab], Observed]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a question.

    :param why: why it could not be asked.
    """

    question: Question
    verdict: Verdict
    observed: Observed | None = None
    why: str | None = None

    @classmethod
    def of(cls, question: Question, observed: Observed) -> Answer:
        """Compare what Azure did with what the emulator assumes."""
        same = observed.value == question.expected
        return cls(question=question, verdict=Verdict.SAME if same else Verdict.NOT_THE_SAME, observed=observed)

    @classmethod
    def not_asked(cls, question: Question, why: str) -> Answer:
        """Note why a question could not be asked."""
        return cls(question=question, verdict=Verdict.NOT_ASKED, why=why)
