"""Create clusters: the container, the Batch job with its pool, and the tasks of master, workers and gate.

Each request may be the last one of a process that dies. Called again with the same definition, the action finishes what
there is; a cluster of another definition under the same id is an error.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _batch_responses, _naming, _uploads
from airflow_provider_aztk.client._actions.add_tasks import add_tasks
from airflow_provider_aztk.client._actions.arguments import as_list, check_kind
from airflow_provider_aztk.client._actions.containers import fill_container, prepare_container, sign_container
from airflow_provider_aztk.client._actions.read_cluster import batch_job, find_job, view_cluster
from airflow_provider_aztk.client._actions.waiting import wait_for
from airflow_provider_aztk.client._actions.waits import wait_until_cluster_is_ready
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._azure.sas import DELEGATED_SAS_MARGIN, MAX_DELEGATED_SAS, SasIsDelegated
from airflow_provider_aztk.client._azure.storage import DeleteContainer
from airflow_provider_aztk.client._requests import Action, ClientSecrets, LocalWork, Once, SideBySide
from airflow_provider_aztk.client.errors import (
    AztkError,
    ClusterExistsError,
    FieldError,
    InvalidConfigurationError,
    JobExistsError,
    ServiceError,
)
from airflow_provider_aztk.client.models import ClusterConfiguration, JobState, _sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from airflow_provider_aztk.client.models import Cluster

Json = dict[str, Any]

#: How long to wait for an earlier cluster of the same id, which is being deleted, before giving up; seconds.
DELETION_PATIENCE = 180
_ENDED_STATES = (JobState.COMPLETED, JobState.TERMINATING, JobState.DELETING)


def create_cluster(
    cluster_conf: ClusterConfiguration,
    wait: bool = False,
    *,
    timeout: float | timedelta | None = None,
    poll_interval: float | None = None,
) -> Action[Cluster]:
    """Create a cluster; one of the same definition that was half made is finished.

    :param cluster_conf: what to create.
    :param wait: wait until it is ready; default return at once.
    :param timeout: seconds or a timedelta, with ``wait``; default none.
    :param poll_interval: the longest pause between two polls in seconds, with ``wait``; default 10.
    :raises ClusterExistsError: when the id is taken by a cluster of another definition, or by one that has ended.
    :raises InvalidConfigurationError: when it contradicts the way of signing in; nothing was created.
    :raises ClusterFailedError: with ``wait``, as soon as it cannot become ready.
    """
    job, existed = yield from create_batch_job(cluster_conf)
    if wait:
        id = cluster_conf.cluster_id
        return (yield from wait_until_cluster_is_ready(id, timeout=timeout, poll_interval=poll_interval))
    return (yield from view_cluster(job)) if existed else _batch_responses.cluster(job, None, (), None)


def create_clusters_in_parallel(cluster_confs: Sequence[ClusterConfiguration]) -> Action[list[Cluster]]:
    """Create several clusters side by side.

    :param cluster_confs: what to create; their ids must differ by more than their case.
    """
    return (yield from SideBySide([create_cluster(conf) for conf in as_list(cluster_confs)]))


def _no_more_tasks(url: str) -> Action[Sequence[Json]]:
    yield from ()
    return ()


def create_batch_job(
    conf: ClusterConfiguration,
    mode: str = _naming.MODE_CLUSTER,
    more_tasks: Callable[[str], Action[Sequence[Json]]] = _no_more_tasks,
    applications: int | None = None,
) -> Action[tuple[Json, bool]]:
    """Create the Batch job that is this cluster, or finish a half-made one of the same definition.

    :param more_tasks: returns further tasks from the URL of the container, and uploads what they need.
    :param applications: how many of them are applications of an AZTK job.
    :returns: the Batch job, and whether it was there before.
    """
    check_kind(conf, ClusterConfiguration, "cluster_conf")
    yield from _check_lifetime(conf)
    upload = yield from LocalWork(partial(_uploads.cluster_upload, conf, mode))
    definition = _definition(conf, mode, upload)
    check_rival = partial(_existing, conf.cluster_id, definition, mode)
    existing = yield from check_rival()
    image = None if existing else (yield from _image(conf))
    container = _naming.container_name(conf.cluster_id)
    made = yield from prepare_container(
        conf.cluster_id, container, definition, keep=existing is not None, check_rival=check_rival
    )
    try:
        url = yield from sign_container(container, conf.max_lifetime)
        yield from fill_container(container, upload, url)
        # What the tasks need is uploaded first: no node waits for a large file, and is paid for meanwhile.
        tasks = [*_batch_requests.cluster_tasks(conf, url), *(yield from more_tasks(url))]
        if existing is None and image is not None:
            existing = yield from _post_job(conf, mode, url, image, definition, applications)
    except AztkError:
        if made:
            yield from DeleteContainer(container)
        raise
    yield from add_tasks(conf.cluster_id, tasks)
    return existing or (yield from batch_job(conf.cluster_id)), existing is not None


def _check_lifetime(conf: ClusterConfiguration) -> Action[None]:
    longest = MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN
    if (conf.max_lifetime is None or conf.max_lifetime > longest) and (yield from SasIsDelegated()):
        fix = f"with Entra sign-in a cluster's SAS lives 7 days at most: give at most {longest}"
        raise InvalidConfigurationError(type(conf).__name__, [FieldError("max_lifetime", str(conf.max_lifetime), fix)])


def _definition(conf: ClusterConfiguration, mode: str, upload: _uploads.Upload) -> str:
    shape = [("conf", _uploads.to_json(conf.to_dict())), ("mode", mode.encode())]
    files = [(name, b"") for name in upload.files]
    return _uploads.fingerprint([*shape, *upload.documents.items(), *files])


def _existing(cluster_id: str, definition: str, mode: str) -> Action[Json | None]:
    """Find a job of this id: None when there is none, the job when it is the same and alive."""

    def settled() -> Action[tuple[Json | None] | None]:
        job = yield from find_job(cluster_id)
        return None if job is not None and job["state"] == JobState.DELETING else (job,)

    what = f"deletion of the earlier {cluster_id!r}"
    (job,) = yield from wait_for(settled, what, timeout=DELETION_PATIENCE)
    if job is None:
        return None
    metadata = _naming.from_metadata(job.get("metadata"))
    if metadata.get(_naming.DEFINITION) == definition and job["state"] not in _ENDED_STATES:
        return job
    raise _taken(job, metadata.get(_naming.MODE), mode)


def _taken(job: Json, found: str | None, wanted: str) -> AztkError:
    kinds = {_naming.MODE_CLUSTER: "a cluster", _naming.MODE_JOB: "a job"}
    what = kinds.get(str(found), "an Azure Batch job that is not AZTK's")
    state = " that has ended" if job["state"] in _ENDED_STATES else " of another definition"
    field, kind = ("id", JobExistsError) if wanted == _naming.MODE_JOB else ("cluster_id", ClusterExistsError)
    text = f"{field}={job['id']!r} is taken by {what}{state}: choose another id, or delete it first"
    return kind(text, id=job["id"])


def _image(conf: ClusterConfiguration) -> Action[_sizes.VmImage]:
    if conf.vm_image:
        image = _sizes.parse_vm_image(conf.vm_image)
        assert image is not None  # validated by the model
        return image
    chosen = _batch_requests.choose_image((yield from Once("images", batch.list_images)))
    if chosen is None:
        fix = "the account lists no verified Linux image with Docker: name one"
        raise InvalidConfigurationError(type(conf).__name__, [FieldError("vm_image", "None", fix)])
    return chosen


def _post_job(
    conf: ClusterConfiguration,
    mode: str,
    url: str,
    image: _sizes.VmImage,
    definition: str,
    applications: int | None,
) -> Action[Json | None]:
    """Create the Batch job; return one of the same definition that was there before."""
    body = _batch_requests.job_body(
        conf,
        mode=mode,
        container_url=url,
        image=image,
        docker=(yield from ClientSecrets()).docker,
        definition=definition,
        applications=applications,
    )
    try:
        yield from batch.create_job(body)
    except ServiceError as error:
        if error.code != codes.JOB_EXISTS:
            raise
        return (yield from _existing(conf.cluster_id, definition, mode))  # our own request, repeated, or a rival's
    return None
