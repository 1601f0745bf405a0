"""Every operator endures the death of its process at any request; ``make crash-points`` runs all of them.

Here: all points of a job that is half made, and for each operator and way to wait a ninth of its points, another ninth
on each day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.local.testing import run_stack
from tests.crash_points import operators
from tests.crash_points.runner import CrashPoints, Point

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARE = 9

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def crash_points() -> Iterator[CrashPoints]:
    with run_stack("--fake-spark") as stack:
        world = CrashPoints(stack)
        yield world
        world.close()


def _some(found: list[Point]) -> list[Point]:
    day = datetime.now(UTC).toordinal() % _SHARE
    return found[day::_SHARE]


@pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
@pytest.mark.parametrize("operator", operators.OPERATORS)
def test_an_operator_endures_the_death_of_its_process(
    crash_points: CrashPoints, operator: str, deferrable: bool
) -> None:
    report = crash_points.run(operator, deferrable=deferrable, choose=_some)
    print(report)
    assert report.points > 0
    assert not report.failed, str(report)


def test_a_job_endures_every_death_between_its_creation_and_its_tasks(crash_points: CrashPoints) -> None:
    def half_made(found: list[Point]) -> list[Point]:
        return [point for point in found if point.life == 0 and point.death.request in _SUBMISSION]

    report = crash_points.run(operators.JOB, deferrable=True, choose=half_made)
    print(report)
    assert report.points == len(_SUBMISSION) * 2
    assert not report.failed, str(report)


#: The requests of a job's submission from the container's documents to its tasks, give or take a few.
_SUBMISSION = range(7, 17)
