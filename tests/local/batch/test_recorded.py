"""What a recording's answers order, and what they leave as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.local.batch.common.recording import BadRecordingError, Recording, read_recording
from airflow_provider_aztk.local.batch.services.faults import FaultInjector
from airflow_provider_aztk.local.batch.services.recorded import EFFECTS, apply_recorded, describe_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: For each question an answer that is not what the emulator assumes, and what is ordered by it.
DIFFERENT: dict[str, tuple[dict[str, Any], Callable[[FaultInjector], object]]] = {
    "remote-login": ({"status": 409, "code": "NodeNotReady"}, lambda f: [(h.status, h.count) for h in f.http]),
    "auto-pool-id": ({"prefix_and_guid": True, "between": "-"}, lambda f: f.pool_id_separator == "-"),
    "terminated-condition": ({"running": "blocks", "waiting": "satisfies"}, lambda f: f.orders.terminated_blocks),
    "exit-code-zero": ({"job_ends": False}, lambda f: f.orders.zero_never_acts),
    "early-deletion": ({"pool_gone": False}, lambda f: f.orders.pool_survives("any")),
    "network-host": ({"taken": True, "address": "one of docker's"}, lambda f: f.orders.environment("any")),
    "run-options": ({"--network host": "ContainerInvalidSettings"}, lambda f: f.orders.refused_options),
    "retry-node": ({"node": "another", "directory": "new"}, lambda f: f.orders.retries_move),
}


def test_each_effect_is_here() -> None:
    assert DIFFERENT.keys() == EFFECTS.keys()


@pytest.mark.parametrize("id", DIFFERENT)
def test_an_answer_is_an_order_that_stays(id: str) -> None:
    answer, ordered = DIFFERENT[id]
    faults = FaultInjector(lambda f: apply_recorded({id: answer}, f))
    assert not ordered(FaultInjector())
    assert ordered(faults)
    faults.clear()
    assert ordered(faults)


@pytest.mark.parametrize("id", DIFFERENT)
@pytest.mark.parametrize("answer", [{}, {"status": "x", "between": 3, "taken": False}, {"status": 200}])
def test_an_answer_that_says_nothing_orders_nothing(id: str, answer: dict[str, Any]) -> None:
    faults = FaultInjector()
    assert apply_recorded({id: answer}, faults) == []
    assert not DIFFERENT[id][1](faults)


def test_it_says_what_it_takes_over_and_what_not() -> None:
    answers: dict[str, dict[str, Any]] = {
        "exit-code-zero": {"job_ends": False},
        "task-killing": {"sigterm": True},
        "network-host": {"taken": False},
    }
    lines = describe_recording(Recording(images=({},), answers=answers, same=("select-path",)))
    assert lines == [
        "1 images of the account",
        "as the emulator assumes: select-path",
        "taken over: exit-code-zero",
        "different on Azure, and not taken over: network-host, task-killing",
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (None, "No such file"),
        ("{", "no JSON"),
        ("[]", "not of format 1"),
        ('{"format": 2}', "not of format 1"),
        ('{"format": 1, "answers": {}, "images": []}', "lists of objects"),
        ('{"format": 1, "answers": [], "images": ["x"]}', "lists of objects"),
    ],
)
def test_what_is_no_recording(text: str | None, word: str, tmp_path: Path) -> None:
    path = tmp_path / "aztk-verify.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadRecordingError, match=word) as raised:
        read_recording(path)
    assert str(path) in str(raised.value)


def test_questions_that_were_not_asked_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "aztk-verify.json"
    asked = {"id": "auto-pool-id", "verdict": "not the same", "observed": {"between": "-"}}
    never = {"id": "exit-code-zero", "verdict": "could not be asked", "observed": None}
    path.write_text(json.dumps({"format": 1, "answers": [asked, never], "images": []}))
    assert read_recording(path) == Recording(answers={"auto-pool-id": {"between": "-"}})
