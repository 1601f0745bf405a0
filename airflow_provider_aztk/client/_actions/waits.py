"""Wait until clusters are ready, and until applications and jobs have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client._actions.applications import get_task, list_cluster_applications
from airflow_provider_aztk.client._actions.arguments import as_list
from airflow_provider_aztk.client._actions.read_cluster import get_cluster, view_cluster
from airflow_provider_aztk.client._actions.read_job import batch_job_of, view_job
from airflow_provider_aztk.client._actions.waiting import wait_for
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._requests import Action, SideBySide
from airflow_provider_aztk.client.errors import ClusterFailedError
from airflow_provider_aztk.client.models import ApplicationState, JobState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow_provider_aztk.client.models import Application, Cluster, Job


def wait_until_cluster_is_ready(
    cluster_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
) -> Action[Cluster]:
    """Wait until a cluster's Spark master takes applications.

    :raises ClusterFailedError: at once when it will not become ready: quota, allocation, image, an ended job.
    """

    def poll() -> Action[Cluster | None]:
        cluster = yield from get_cluster(cluster_id)
        _raise_if_failed(cluster)
        return cluster if cluster.is_ready else None

    return wait_for(poll, f"cluster {cluster_id!r} ready", timeout=timeout, poll_interval=poll_interval)


def wait_until_all_clusters_are_ready(
    clusters: Sequence[str], *, timeout: float | timedelta | None = None, poll_interval: float | None = None
) -> Action[None]:
    """Wait until all of these clusters are ready.

    :param clusters: their ids.
    :raises ClusterFailedError: for one that cannot become ready, when the others have been waited for.
    """
    ids = as_list(clusters)
    yield from SideBySide([wait_until_cluster_is_ready(id, timeout=timeout, poll_interval=poll_interval) for id in ids])


def wait_until_application_done(
    cluster_id: str,
    task_id: str,
    *,
    timeout: float | timedelta | None = None,
    poll_interval: float | None = None,
) -> Action[Application]:
    """Wait until an application has ended, well or not: see its ``outcome``.

    :param task_id: the application's name.
    :raises ClusterFailedError: at once when the cluster cannot run it any more.
    """

    def poll() -> Action[Application | None]:
        application = yield from get_task(cluster_id, task_id)
        if application.state.is_terminal:
            return application
        if application.state is not ApplicationState.RUNNING:
            _raise_if_failed((yield from get_cluster(cluster_id)))  # it would wait for a node for ever
        return None

    what = f"application {task_id!r} on {cluster_id!r} done"
    return wait_for(poll, what, timeout=timeout, poll_interval=poll_interval)


def wait_until_applications_done(
    cluster_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
) -> Action[list[Application]]:
    """Wait until all applications of a cluster have ended, well or not.

    :raises ClusterFailedError: at once when the cluster cannot run them any more.
    """

    def poll() -> Action[list[Application] | None]:
        applications = yield from list_cluster_applications(cluster_id)
        if all(app.state.is_terminal for app in applications):
            return applications
        _raise_if_failed((yield from get_cluster(cluster_id)))
        return None

    what = f"all applications on {cluster_id!r} done"
    return wait_for(poll, what, timeout=timeout, poll_interval=poll_interval)


def wait_until_job_finished(
    job_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
) -> Action[Job]:
    """Wait until a job has ended, well or not: see its ``outcome``.

    :raises ClusterFailedError: at once when its cluster will not become ready.
    """

    def poll() -> Action[Job | None]:
        job = yield from batch_job_of(job_id)
        if job["state"] in (JobState.COMPLETED, JobState.DELETING):
            return (yield from view_job(job))
        if job["state"] == JobState.TERMINATING:
            return None
        failure = (yield from view_cluster(job)).failure
        if failure and failure.code != codes.JOB_ENDED:
            text = f"job {job_id!r} cannot run: {failure}"
            raise ClusterFailedError(text, id=job_id, code=failure.code, values=failure.values)
        return None

    return wait_for(poll, f"job {job_id!r} finished", timeout=timeout, poll_interval=poll_interval)


def wait_until_all_jobs_finished(
    jobs: Sequence[str], *, timeout: float | timedelta | None = None, poll_interval: float | None = None
) -> Action[list[Job]]:
    """Wait until all of these jobs have ended, well or not.

    :param jobs: their ids.
    """
    ids = as_list(jobs)
    waits = [wait_until_job_finished(id, timeout=timeout, poll_interval=poll_interval) for id in ids]
    return (yield from SideBySide(waits))


def _raise_if_failed(cluster: Cluster) -> None:
    """Raise an error when a cluster has failed, has ended or is being deleted."""
    if not cluster.state.is_terminal:
        return
    failure = cluster.failure
    raise ClusterFailedError(
        f"cluster {cluster.id!r} is {cluster.state}: {failure or 'it is being deleted'}",
        id=cluster.id,
        code=failure.code if failure else None,
        values=failure.values if failure else None,
    )
