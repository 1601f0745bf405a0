"""AZTK jobs end, and say the same, whatever the service makes of what its reference leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import Client, models
from tests.client.live.test_jobs import WAIT, job, no_pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # real nodes of the emulator: seconds each

#: Makes the nodes' intervals, such as the master's patience with aztk-finish, a twentieth.
FAST = {"AZTK_NODE_SPEEDUP": "20"}


def outcomes(found: models.Job) -> dict[str, models.Outcome | None]:
    return {name: app and app.outcome for name, app in found.applications.items()}


def test_a_waiting_application_that_is_stopped_does_not_hold_its_job(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    stack.admin.terminated_tasks_block()
    programs = {"stopped": write_program("raise SystemExit(9)\n", "s.py"), "good": write_program("pass\n", "g.py")}
    client.submit_job(job(cluster_id, **programs))
    assert client.get_application(cluster_id, "stopped").state == "active"
    assert client.stop_job_app(cluster_id, "stopped")
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    assert outcomes(done) == {"stopped": models.Outcome.STOPPED, "good": models.Outcome.SUCCESS}
    assert (done.outcome, done.failure) == (models.Outcome.STOPPED, None)
    no_pool(stack)


@pytest.mark.parametrize(("exit_code", "outcome"), [(0, models.Outcome.SUCCESS), (9, models.Outcome.FAILED)])
def test_the_master_ends_a_job_whose_applications_have_ended(
    client: Client,
    stack: LocalStack,
    cluster_id: str,
    write_program: Callable[..., str],
    exit_code: int,
    outcome: models.Outcome,
) -> None:
    stack.admin.exit_code_zero_never_acts()
    stack.admin.node_environment(values=FAST)
    programs = {
        "one": write_program(f"raise SystemExit({exit_code})\n", "1.py"),
        "good": write_program("pass\n", "g.py"),
    }
    client.submit_job(job(cluster_id, **programs))
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    assert outcomes(done) == {"one": outcome, "good": models.Outcome.SUCCESS}
    assert (done.outcome, done.failure) == (outcome, None)
    no_pool(stack)


def test_a_job_whose_application_was_out_of_time_ends_when_idle(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    stack.admin.terminated_tasks_block()
    sleeper = write_program("import time\ntime.sleep(600)\n")
    app = models.ApplicationConfiguration(name="a", application=sleeper, max_wall_clock=4)
    client.submit_job(models.JobConfiguration(cluster_id, [app], max_dedicated_nodes=1, idle_timeout=3))
    done = client.wait_until_job_finished(cluster_id, timeout=150, poll_interval=0.5)
    assert outcomes(done) == {"a": models.Outcome.FAILED}
    assert (done.outcome, done.failure) == (models.Outcome.FAILED, None)
    no_pool(stack)
