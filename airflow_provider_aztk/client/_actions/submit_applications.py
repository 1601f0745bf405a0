"""Submit applications to a cluster: their definitions and files first, then their tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _batch_responses, _naming, _uploads
from airflow_provider_aztk.client._actions.add_tasks import add_tasks
from airflow_provider_aztk.client._actions.arguments import check_kind
from airflow_provider_aztk.client._actions.containers import longest_sas, sign_container, write_upload
from airflow_provider_aztk.client._actions.read_cluster import batch_job
from airflow_provider_aztk.client._actions.waits import wait_until_application_done
from airflow_provider_aztk.client._azure import batch
from airflow_provider_aztk.client._azure.put_blob import put_blob
from airflow_provider_aztk.client._azure.storage import GetBlob
from airflow_provider_aztk.client._failures import job_failure
from airflow_provider_aztk.client._requests import Action, LocalWork, SideBySide
from airflow_provider_aztk.client.errors import (
    ApplicationExistsError,
    ClusterFailedError,
    FieldError,
    InvalidConfigurationError,
)
from airflow_provider_aztk.client.models import ApplicationConfiguration, _sizes, _spark
from airflow_provider_aztk.client.models._faults import Faults
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

Json = dict[str, Any]


def submit(
    cluster_id: str,
    application: ApplicationConfiguration,
    *,
    wait: bool = False,
    timeout: float | timedelta | None = None,
    poll_interval: float | None = None,
) -> Action[None]:
    """Submit an application to a cluster; it starts when the cluster is ready.

    One that was submitted already with the same definition is left as it is.

    :param wait: wait until it has ended, well or not; default return at once.
    :param timeout: seconds or a timedelta, with ``wait``; default none.
    :param poll_interval: the longest pause between two polls in seconds, with ``wait``; default 10.
    :raises ClusterNotFoundError: when there is no such cluster.
    :raises ClusterFailedError: when the cluster has failed or ended.
    :raises ApplicationExistsError: when the name is taken by an application of another definition.
    """
    yield from submit_all_applications(cluster_id, [application])
    if wait:
        name = application.name
        yield from wait_until_application_done(cluster_id, name, timeout=timeout, poll_interval=poll_interval)


def submit_all_applications(cluster_id: str, applications: Sequence[ApplicationConfiguration]) -> Action[None]:
    """Submit several applications, a hundred in a request; errors as :meth:`submit`."""
    applications = list(applications)
    check_names(applications)
    job = yield from batch_job(cluster_id)
    failure = job_failure(job)
    if failure:
        text = f"cluster {cluster_id!r} takes no applications: {failure}"
        raise ClusterFailedError(text, id=cluster_id, code=failure.code)
    check_sizes(job, applications)
    url = yield from sign_container(_naming.container_name(cluster_id), _batch_responses.max_lifetime(job))
    fresh = yield from upload_applications(cluster_id, applications, url)
    container = _batch_requests.container_of(job)
    tasks = [_batch_requests.application_task(app, container, url) for app in applications]
    for name in (yield from add_tasks(job["id"], tasks)):
        if name in fresh:
            yield from _check_same_case(job["id"], name)


def _check_same_case(job_id: str, name: str) -> Action[None]:
    """Raise an error where a task that existed is not ours, but one whose name differs by its case."""
    found = (yield from batch.get_task(job_id, name))["id"]
    if found != name:
        text = f"name={name!r} is taken by {found!r} on {job_id!r}: choose another (Azure Batch ignores the case)"
        raise ApplicationExistsError(text, id=name)


def upload_applications(
    cluster_id: str, applications: Sequence[ApplicationConfiguration], url: str
) -> Action[set[str]]:
    """Write what the applications need, and return the names that were not there before.

    The definition is written once: so a second submission of the same name is seen, and can be told apart from a
    repeated one, before anything of the first is touched.
    """
    container = _naming.container_name(cluster_id)
    uploads = yield from LocalWork(lambda: {app.name: _uploads.application_upload(app) for app in applications})
    written = yield from SideBySide([_claim_name(container, name, upload) for name, upload in uploads.items()])
    is_short = (yield from longest_sas()) is not None
    rest = _uploads.Upload()
    for name, upload in uploads.items():
        rest.files.update(upload.files)
        upload.documents.pop(contract.ApplicationBlobs(name).definition)
        rest.documents.update(upload.documents)
        if is_short:
            rest.documents[contract.ApplicationBlobs(name).access] = _uploads.access_document(url)
    rest.documents[contract.ClusterBlobs.ACTIVITY] = b"submit"
    yield from write_upload(container, rest)
    return {name for name, new in zip(uploads, written, strict=True) if new}


def _claim_name(container: str, name: str, upload: _uploads.Upload) -> Action[bool]:
    """Write an application's definition; return False where the same was there already."""
    blob = contract.ApplicationBlobs(name).definition
    wanted = upload.documents[blob]
    if (yield from put_blob(container, blob, wanted, overwrite=False)):
        return True
    if (yield from GetBlob(container, blob)) != wanted:
        text = f"name={name!r} is taken by an application of another definition: choose another name"
        raise ApplicationExistsError(text, id=name)
    return False


def check_sizes(job: Json, applications: Sequence[ApplicationConfiguration]) -> None:
    """Refuse applications whose executors are larger than a node of the cluster: they would wait for ever.

    What a worker offers is not known here, only that it is no more than the node has.

    :param job: the cluster's Batch job.
    """
    pool = ((job.get("poolInfo") or {}).get("autoPoolSpecification") or {}).get("pool") or {}
    size = pool.get("vmSize")
    if not isinstance(size, str):
        return
    faults = Faults("submission", secret_fields=("secret_conf",))
    memory = _sizes.memory_mb(size)
    node = _spark.NodeSize(size, _sizes.vcpus(size), room_mb=memory, memory_mb=memory)
    for index, app in enumerate(applications):
        path = f"applications[{index}]." if len(applications) > 1 else ""
        _spark.check_fit(faults, path, app, node)
    faults.raise_if_any()


def check_names(applications: Sequence[ApplicationConfiguration]) -> None:
    """Refuse an empty list, and two applications whose names differ by their case at most."""
    faults = []
    seen: set[str] = set()
    for index, app in enumerate(applications):
        check_kind(app, ApplicationConfiguration, f"applications[{index}]")
        if app.name.lower() in seen:
            fix = "give each application its own name"
            faults.append(FieldError(f"applications[{index}].name", repr(app.name), fix))
        seen.add(app.name.lower())
    if not applications:
        faults.append(FieldError("applications", "[]", "give at least one application"))
    if faults:
        raise InvalidConfigurationError("submission", faults)
