"""The report of a run, as JSON and as Markdown; both without secrets and ids."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk import __version__
from airflow_provider_aztk.verify.answers import Verdict
from airflow_provider_aztk.verify.stages import Run

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aztk.verify.answers import Answer
    from airflow_provider_aztk.verify.redaction import Redactor

__all__ = ["FORMAT", "Report", "prepare", "write"]

Json = dict[str, Any]

#: Of the JSON, which ``aztk-local up --recording`` reads.
FORMAT = 1
JSON_NAME = "aztk-verify.json"
MARKDOWN_NAME = "aztk-verify.md"
#: Members of an answer that are this project's own words.
_OWN_WORDS = ("id", "asks", "assumes", "expected", "verdict", "page")
_ABOUT = (
    "Account names, keys, signatures, tokens, GUIDs, IP addresses and node ids are replaced, each by the same word "
    "everywhere. `aztk-verify.json` beside this file holds all requests and answers; attach both to an issue. "
    "`aztk-local up --recording aztk-verify.json` starts a local stack that behaves as recorded."
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run has found.

    :param run: the run.
    :param cloud: which cloud it ran on.
    :param interrupted: what ended it early; None where nothing did.
    :param earlier: what earlier runs had left.
    :param left: what could not be deleted.
    """

    run: Run
    cloud: str
    sign_in: str
    interrupted: str | None = None
    earlier: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def failed_steps(self) -> list[str]:
        """The steps of the product's main paths that did not go well."""
        return [step.name for step in self.run.steps if step.error]

    def with_verdict(self, verdict: Verdict) -> list[Answer]:
        """Return the answers with a verdict."""
        return [answer for answer in self.run.answers if answer.verdict is verdict]

    def result(self) -> str:
        """Return how the run ended, in a few words."""
        if self.interrupted:
            return f"interrupted ({self.interrupted})"
        if self.failed_steps:
            return f"failed: {', '.join(self.failed_steps)}"
        different = self.with_verdict(Verdict.NOT_THE_SAME)
        return f"passed, {len(different)} answers not the same" if different else "passed"

    def to_dict(self) -> Json:
        """Return the report as JSON, not redacted yet."""
        lab = self.run.lab
        plan = lab.plan
        return {
            "format": FORMAT,
            "product": f"airflow-provider-aztk {__version__}",
            "run": plan.run,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "cloud": self.cloud,
            "sign_in": self.sign_in,
            "plan": {"nodes": plan.nodes, "limit": plan.minutes(), "vm_size": lab.cluster and lab.cluster.vm_size},
            "result": self.result(),
            "steps": [vars(step) for step in self.run.steps],
            "answers": [_answer(answer) for answer in self.run.answers],
            "left_by_earlier_runs": self.earlier,
            "left_behind": self.left,
            "images": lab.images,
            "exchanges": lab.account.exchanges.entries(),
        }


def _answer(answer: Answer) -> Json:
    question, observed = answer.question, answer.observed
    return {
        "id": question.id,
        "asks": question.asks,
        "assumes": question.assumes,
        "expected": question.expected,
        "verdict": str(answer.verdict),
        "observed": observed.value if observed else None,
        "detail": observed.detail if observed else None,
        "why": answer.why,
        "page": question.page,
    }


def prepare(directory: Path) -> None:
    """Make the directory of a report, before anything else is made, and note in it that there is none yet.

    :raises OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKDOWN_NAME).write_text("The run has not ended yet, or it was killed.\n", encoding="utf-8")


def write(report: Report, directory: Path, redactor: Redactor) -> tuple[Path, Path]:
    """Write both files, and return where they are.

    :raises OSError: they cannot be written.
    """
    given = report.to_dict()
    found = redactor.everything(given)
    for answer, own in zip(found["answers"], given["answers"], strict=True):
        answer.update({name: own[name] for name in _OWN_WORDS})  # also where an account is called like one of them
    texts = {MARKDOWN_NAME: markdown(found), JSON_NAME: json.dumps(found, indent=1) + "\n"}
    for name, text in texts.items():
        (directory / name).write_text(redactor.scrub(text), encoding="utf-8")
    return directory / MARKDOWN_NAME, directory / JSON_NAME


def markdown(found: Json) -> str:
    """Write the report for people.

    :param found: the report as JSON, redacted.
    """
    plan = found["plan"]
    lines = [
        f"# airflow aztk verify: {found['result']}",
        "",
        f"{found['product']}, {found['written']}, {found['cloud']}, sign-in with {found['sign_in']}, "
        f"{plan['nodes']} nodes of {plan['vm_size'] or 'a size that never came'}, run `{found['run']}`.",
        "",
        _ABOUT,
        "",
        "## The product's main paths",
        "",
        "| step | result | seconds |",
        "|---|---|---|",
        *(f"| {step['name']} | {_cell(step['error'] or 'ok')} | {step['seconds']:g} |" for step in found["steps"]),
        "",
        "## What the emulator assumes, and what happened",
        "",
        "| question | the emulator assumes | what happened | |",
        "|---|---|---|---|",
        *(_row(answer) for answer in found["answers"]),
        "",
    ]
    for title, names in (("Left by earlier runs", "left_by_earlier_runs"), ("Left behind", "left_behind")):
        if found[names]:
            lines += [f"## {title}", "", *(f"* {name}" for name in found[names]), ""]
    lines += ["## Details", ""]
    for answer in found["answers"]:
        lines += _details(answer, [entry for entry in found["exchanges"] if entry["question"] == answer["id"]])
    return "\n".join(lines)


def _row(answer: Json) -> str:
    happened = answer["why"] if answer["observed"] is None else f"`{json.dumps(answer['observed'])}`"
    name = f"`{answer['id']}`: {answer['asks']}"
    cells = (name, answer["assumes"], happened, f"**{answer['verdict']}**")
    return "| " + " | ".join(_cell(str(cell)) for cell in cells) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _details(answer: Json, exchanges: list[Json]) -> list[str]:
    if answer["observed"] is None:
        return []
    shown = {"expected": answer["expected"], "observed": answer["observed"], "detail": answer["detail"]}
    lines = [f"### {answer['id']}: {answer['verdict']}", "", f"{answer['asks']} See {answer['page']}", ""]
    lines += ["```json", json.dumps(shown, indent=1), "```", ""]
    for entry in exchanges:
        code = entry["answer"].get("code", "") if isinstance(entry["answer"], dict) else ""
        lines.append(f"* {entry['method']} `{entry['url']}`: {entry['status']} {code}".rstrip())
    return [*lines, ""] if exchanges else lines
