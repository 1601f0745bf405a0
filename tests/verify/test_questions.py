"""The table of questions: each guess of the emulator has one, and each says what it needs to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_aztk.local.batch.services.recorded import EFFECTS
from airflow_provider_aztk.verify.answers import Answer, Observed, Question, Stage, Verdict
from airflow_provider_aztk.verify.questions import QUESTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "local-stack.md").read_text()
IDS = {question.id for question in QUESTIONS}
#: What only an account can answer, as the issue has it.
OPEN = {
    "network-host", "images", "free-disk", "stopped-waiting", "exit-code-zero", "early-deletion", "subnet-shared-key",
}  # fmt: skip


def test_every_open_question_is_asked() -> None:
    assert OPEN <= IDS
    assert len(IDS) == len(QUESTIONS)


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if line.startswith("|") and "guessed" in line])
def test_every_guess_of_the_local_stack_names_its_question(line: str) -> None:
    assert set(re.findall(r"`([a-z-]+)`", line)) & IDS, f"name the question of verify beside the guess: {line}"


def test_every_effect_of_a_recording_is_that_of_a_question_and_in_the_page() -> None:
    assert EFFECTS.keys() <= IDS
    table = PAGE.partition("what the stack takes over |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.M)) == {*EFFECTS, "images"}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_reads(question: Question) -> None:
    assert question.asks.endswith("?")
    assert question.page.startswith("https://learn.microsoft.com/")
    assert question.ask.__doc__
    assert question.expected
    assert re.fullmatch(r"[a-z0-9-]+", question.id)


def test_a_verdict_compares_the_value_and_not_the_detail() -> None:
    question = next(question for question in QUESTIONS if question.stage is Stage.REQUESTS)
    same = Answer.of(question, Observed(dict(question.expected), {"anything": 1}))
    assert same.verdict is Verdict.SAME
    assert Answer.of(question, Observed({**question.expected, "more": 1})).verdict is Verdict.NOT_THE_SAME
