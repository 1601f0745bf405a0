"""Every operator completes when its process is killed at any request; ``make crash-points`` runs all points.

Here: half of the points of a job that is half made, the other half on the next day, and for each operator and way to
wait a twelfth of its points, another twelfth on each day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.local.testing import run_stack
from tests.crash_points import operators
from tests.crash_points.runner import CrashPoint, CrashPoints

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARE = 12

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def crash_points() -> Iterator[CrashPoints]:
    with run_stack("--fake-spark") as stack:
        points = CrashPoints(stack)
        yield points
        points.close()


def _some(found: list[CrashPoint]) -> list[CrashPoint]:
    day = datetime.now(UTC).toordinal() % _SHARE
    return found[day::_SHARE]


@pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
@pytest.mark.parametrize("operator", operators.OPERATORS)
def test_an_operator_completes_when_its_process_is_killed_at_a_request(
    crash_points: CrashPoints, operator: str, deferrable: bool
) -> None:
    report = crash_points.run(operator, deferrable=deferrable, choose=_some)
    print(report)
    assert report.points > 0
    assert not report.failed, str(report)


def test_a_job_completes_when_its_submission_is_killed_at_any_request(crash_points: CrashPoints) -> None:
    def half_made(found: list[CrashPoint]) -> list[CrashPoint]:
        requests = _SUBMISSION[datetime.now(UTC).toordinal() % 2 :: 2]
        return [point for point in found if point.process == 0 and point.crash.request in requests]

    report = crash_points.run(operators.JOB, deferrable=True, choose=half_made)
    print(report)
    assert report.points == len(_SUBMISSION)  # before and after each other request
    assert not report.failed, str(report)


#: The requests of a job's submission from the container's documents to its tasks, give or take a few.
_SUBMISSION = range(7, 17)
