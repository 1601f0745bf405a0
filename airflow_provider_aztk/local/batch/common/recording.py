"""What a real account has answered to ``airflow aztk verify``; instead of what the emulator assumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.values import Json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "BadRecordingError", "Recording", "read_recording"]

#: The format that is read; ``verify`` writes it.
FORMAT = 1
_FIX = "name the aztk-verify.json of a report"


class BadRecordingError(RuntimeError):
    """A file is no recording that can be used; the text names it and the fix."""


@dataclass(frozen=True)
class Recording:
    """Answers of a real account.

    :param images: what it lists; empty where it was not asked.
    :param answers: by the id of their question, those that are not what the emulator assumes.
    :param same: ids of the questions whose answers are.
    """

    images: tuple[Json, ...] = ()
    answers: Mapping[str, Json] = field(default_factory=dict)
    same: tuple[str, ...] = ()


def read_recording(path: Path) -> Recording:
    """Read the JSON of a report of ``airflow aztk verify``.

    :raises BadRecordingError: it is none, or of another format.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecordingError(f"--recording {path}: {error.strerror}; {_FIX}") from error
    except ValueError as error:
        raise BadRecordingError(f"--recording {path}: no JSON; {_FIX}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        fix = f"not of format {FORMAT}; use the aztk-verify.json of a report by this version"
        raise BadRecordingError(f"--recording {path}: {fix}")
    answers, images = (_objects(path, found.get(name)) for name in ("answers", "images"))
    usable = [answer for answer in answers if isinstance(answer.get("observed"), dict)]
    return Recording(
        images=tuple(images),
        answers={str(answer.get("id")): answer["observed"] for answer in usable if answer.get("verdict") != "same"},
        same=tuple(str(answer.get("id")) for answer in usable if answer.get("verdict") == "same"),
    )


def _objects(path: Path, value: object) -> list[Json]:
    """Return a list of objects.

    :raises BadRecordingError: it is none.
    """
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise BadRecordingError(f"--recording {path}: answers and images must be lists of objects; {_FIX}")
    return value
