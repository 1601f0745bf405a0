"""AZTK jobs end by themselves, whatever becomes of their applications, and leave no pool."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential

from airflow_provider_aztk.client import Client, errors, models
from tests.client.live.conftest import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

WAIT = {"timeout": 90, "poll_interval": 0.5}


def job(job_id: str, **programs: str) -> models.JobConfiguration:
    apps = [models.ApplicationConfiguration(name=name, application=path) for name, path in programs.items()]
    return models.JobConfiguration(id=job_id, applications=apps, max_dedicated_nodes=2)


def no_pool(stack: LocalStack) -> None:
    end = time.monotonic() + 30
    while stack.admin.state()["pools"]:
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.slow
def test_life_of_a_job(client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]) -> None:
    conf = job(cluster_id, good=write_program("print('good')\n", "g.py"), other=write_program("print('x')\n", "o.py"))
    submitted = client.submit_job(conf)
    assert submitted.outcome is None
    client.submit_job(conf)  # safe to repeat
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    assert (done.state, done.outcome) == (models.JobState.COMPLETED, models.Outcome.SUCCESS)
    assert set(client.list_applications(cluster_id)) == {"good", "other"}
    with warnings.catch_warnings(record=True) as said:  # pytest.warns would repeat azure-batch's own, of another module
        warnings.simplefilter("always")
        assert set(client.list_applicaitons(cluster_id)) == {"good", "other"}
    assert any("use list_applications" in str(warning.message) for warning in said)
    assert "good" in client.get_job_application_log(cluster_id, "good").log
    assert [found.id for found in client.list_jobs()] == [cluster_id]
    assert client.list_clusters() == []
    no_pool(stack)
    assert not client.stop_job(cluster_id)
    assert client.delete_job(cluster_id, wait=True)
    assert not client.delete_job(cluster_id)
    with pytest.raises(errors.JobNotFoundError):
        client.get_job(cluster_id)


@pytest.mark.slow
def test_a_failing_application_does_not_take_the_others_with_it(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    bad = write_program("raise SystemExit(9)\n", "bad.py")
    good = write_program("import time\ntime.sleep(3)\nprint('good')\n", "good.py")
    client.submit_job(job(cluster_id, bad=bad, good=good))
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    outcomes = {name: found and found.outcome for name, found in done.applications.items()}
    assert outcomes == {"bad": models.Outcome.FAILED, "good": models.Outcome.SUCCESS}
    assert done.outcome is models.Outcome.FAILED
    no_pool(stack)


@pytest.mark.slow
def test_stopping_one_application_and_the_job_goes_on(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    sleeper = write_program("import time\ntime.sleep(600)\n", "s.py")
    client.submit_job(job(cluster_id, sleeper=sleeper, good=write_program("print('good')\n", "g.py")))
    end = time.monotonic() + 60
    while client.get_application(cluster_id, "sleeper").state != "running":
        assert time.monotonic() < end
        time.sleep(0.3)
    assert client.stop_job_app(cluster_id, "sleeper")
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    outcomes = {name: found and found.outcome for name, found in done.applications.items()}
    assert outcomes == {"sleeper": models.Outcome.STOPPED, "good": models.Outcome.SUCCESS}
    no_pool(stack)


def test_stopping_a_job_ends_everything(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    client.submit_job(job(cluster_id, sleeper=write_program("import time\ntime.sleep(600)\n")))
    assert client.stop_job(cluster_id)
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    assert done.outcome is models.Outcome.STOPPED
    no_pool(stack)


@pytest.mark.slow
def test_a_job_ends_with_its_submitter_killed(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    program = write_program("print('nobody is watching')\n")
    script = (
        "import os, signal, sys\n"
        "from airflow_provider_aztk.client import Client, models\n"
        "client = Client(models.SecretsConfiguration.from_yaml(sys.stdin.read()))\n"
        "app = models.ApplicationConfiguration(name='app', application=sys.argv[2])\n"
        "client.submit_job(models.JobConfiguration(sys.argv[1], [app], max_dedicated_nodes=2))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    text = secrets_of(stack).to_yaml()
    done = subprocess.run(
        [sys.executable, "-c", script, cluster_id, program], input=text, text=True, timeout=60, check=False
    )
    assert done.returncode == -9
    finished = client.wait_until_job_finished(cluster_id, **WAIT)
    assert finished.outcome is models.Outcome.SUCCESS
    no_pool(stack)


def test_a_job_that_can_get_no_node_says_so(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    stack.admin.resize_error(pool="*", code="AllocationFailed", message="no capacity", count=1)
    client.submit_job(job(cluster_id, a=write_program("pass\n")))
    with pytest.raises(errors.ClusterFailedError, match="AllocationFailed"):
        client.wait_until_job_finished(cluster_id, **WAIT)


def test_a_cluster_is_no_job(client: Client, cluster_id: str, write_program: Callable[..., str]) -> None:
    client.create_cluster(models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1))
    with pytest.raises(errors.JobExistsError, match="taken by a cluster"):
        client.submit_job(job(cluster_id, a=write_program("pass\n")))


@pytest.mark.slow
def test_an_application_that_cannot_start_does_not_hold_the_job(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    # The first three tasks are the master, a worker and the gate.
    stack.admin.image_failure(pool="*", image="*", where="task", skip=3, count=1)
    programs = {name: write_program("print('good')\n", f"{name}.py") for name in ("one", "two")}
    client.submit_job(job(cluster_id, **programs))
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    outcomes = sorted(str(found and found.outcome) for found in done.applications.values())
    assert outcomes == ["failed", "success"]
    failed = next(app for app in done.applications.values() if app and app.outcome is models.Outcome.FAILED)
    assert failed.exit_code is None
    assert failed.failure is not None
    assert "never started" in client.get_job_application_log(cluster_id, failed.name).log
    no_pool(stack)


def _tasks_cannot_be_added(stack: LocalStack) -> None:
    """Let the process that submits get no further than the Batch job, as one that is killed there."""
    stack.admin.http_fault(operation="create_task_collection", status=400, code="InvalidRequestBody", count=1)


@pytest.mark.slow
def test_a_submission_that_was_cut_off_is_finished_by_the_next_one(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    conf = job(cluster_id, a=write_program("print('ran')\n"))
    _tasks_cannot_be_added(stack)
    with pytest.raises(errors.ServiceError):
        client.submit_job(conf)
    assert not client.get_job(cluster_id).is_submitted
    client.submit_job(conf)
    assert client.get_job(cluster_id).is_submitted
    assert client.wait_until_job_finished(cluster_id, **WAIT).outcome is models.Outcome.SUCCESS


@pytest.mark.slow
def test_a_job_whose_submission_nobody_finishes_ends_itself(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    conf = dataclasses.replace(job(cluster_id, a=write_program("pass\n")), incomplete_timeout=2)
    _tasks_cannot_be_added(stack)
    with pytest.raises(errors.ServiceError):
        client.submit_job(conf)
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    assert done.outcome is models.Outcome.FAILED
    assert done.failure is not None
    assert done.failure.code == "EndedItself"
    assert "its creation was never finished" in done.failure.message
    assert not done.is_submitted
    no_pool(stack)


@pytest.mark.slow
def test_a_job_that_nothing_ends_ends_itself_when_idle(
    client: Client, stack: LocalStack, cluster_id: str, write_program: Callable[..., str]
) -> None:
    conf = dataclasses.replace(job(cluster_id, a=write_program("print('ran')\n")), idle_timeout=4)
    client.submit_job(conf)
    with BatchClient(stack.batch_endpoint, AzureNamedKeyCredential(stack.batch_account, stack.batch_key)) as batch:
        batch.delete_task(cluster_id, "aztk-finish")
    done = client.wait_until_job_finished(cluster_id, **WAIT)
    found = done.applications["a"]
    assert found is not None
    assert found.outcome is models.Outcome.SUCCESS
    assert not done.is_submitted
    assert done.failure is not None
    assert "idle_timeout" in done.failure.message
    no_pool(stack)
