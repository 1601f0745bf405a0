"""Create clusters: the container, the Batch job with its pool, and the tasks of master, workers and gate.

Each request may be the last one of a process that dies. Called again with the same definition, the action finishes what
there is; a cluster of another definition under the same id is an error.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _batch_responses, _naming, _uploads, _vm_images
from airflow_provider_aztk.client._actions.add_tasks import TaskNotAddedError, add_tasks
from airflow_provider_aztk.client._actions.arguments import as_list, check_kind
from airflow_provider_aztk.client._actions.containers import (
    fill_container,
    longest_sas,
    prepare_container,
    sign_container,
)
from airflow_provider_aztk.client._actions.read_cluster import batch_job, find_job, view_cluster
from airflow_provider_aztk.client._actions.waiting import pauses, wait_for
from airflow_provider_aztk.client._actions.waits import wait_until_cluster_is_ready
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._azure.retries import is_passing
from airflow_provider_aztk.client._azure.sas import MAX_DELEGATED_SAS
from airflow_provider_aztk.client._azure.storage import DeleteContainer
from airflow_provider_aztk.client._requests import (
    Action,
    ClientSecrets,
    LocalWork,
    Once,
    Pause,
    ServiceTime,
    SideBySide,
)
from airflow_provider_aztk.client.errors import (
    AlreadyExistsError,
    AuthenticationError,
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

log = logging.getLogger(__name__)

Json = dict[str, Any]

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
    yield from _check_sign_in(conf)
    upload = yield from LocalWork(partial(_uploads.cluster_upload, conf, mode))
    definition = _definition(conf, mode, upload)
    check_rival = partial(_existing, conf.cluster_id, definition, mode)
    existing = yield from check_rival()
    image = None if existing else (yield from _image(conf))
    _warn_of_nodes(conf)
    container = _naming.container_name(conf.cluster_id)
    ours = yield from prepare_container(
        conf.cluster_id, container, definition, keep=existing is not None, check_rival=check_rival
    )
    posting = False
    try:
        url = yield from sign_container(container, conf.max_lifetime)
        yield from fill_container(container, upload, url)
        # What the tasks need is uploaded first: no node waits for a large file, and is paid for meanwhile.
        tasks = [*_batch_requests.cluster_tasks(conf, url), *(yield from more_tasks(url))]
        if image is not None:
            posting = True
            existing = yield from _post_job(conf, mode, url, image, definition, applications)
    except AztkError as error:
        if ours and not _may_exist(error, posting):
            yield from DeleteContainer(container)
        raise
    yield from _add_all(conf.cluster_id, tasks, is_new=existing is None)
    return existing or (yield from batch_job(conf.cluster_id)), existing is not None


def _may_exist(error: AztkError, posting: bool) -> bool:
    """Return whether there may be a job that needs the container: a rival's, or ours, if the answer was lost."""
    if isinstance(error, AlreadyExistsError):
        return True
    refused = isinstance(error, ServiceError) and not is_passing(error)
    return posting and not (refused or isinstance(error, AuthenticationError))


def _add_all(job_id: str, tasks: Sequence[Json], *, is_new: bool) -> Action[None]:
    """Add the tasks; end a new job that Batch will not give them all: its nodes would be paid for nothing."""
    try:
        yield from add_tasks(job_id, tasks)
    except TaskNotAddedError as error:
        if is_new:
            yield from _end_half_made(job_id, error)
        raise


def _end_half_made(job_id: str, why: TaskNotAddedError) -> Action[None]:
    try:
        yield from batch.terminate_job(job_id, f"Not all tasks could be added: {why.code}")
    except AztkError as error:  # incomplete_timeout ends it
        log.warning("The half-made job %s could not be ended: %s", job_id, error)


def _check_sign_in(conf: ClusterConfiguration) -> Action[None]:
    """Refuse what this way of signing in cannot have, before anything is written."""
    faults = []
    if conf.subnet_id and (yield from ClientSecrets()).shared_key:
        fix = (
            "Azure Batch takes no subnet from a caller with account keys: sign in with Microsoft Entra ID "
            "(service_principal: a service principal, a managed identity or az login), or leave it out"
        )
        faults.append(FieldError("subnet_id", repr(conf.subnet_id), fix))
    longest = yield from longest_sas()
    if longest is not None and (conf.max_lifetime is None or conf.max_lifetime > longest):
        fix = (
            f"a cluster lives no longer than its SAS, {MAX_DELEGATED_SAS.days} days with Entra sign-in or sas_lifetime"
        )
        faults.append(FieldError("max_lifetime", str(conf.max_lifetime), f"{fix}: give at most {longest}"))
    if faults:
        raise InvalidConfigurationError(type(conf).__name__, faults)


def _definition(conf: ClusterConfiguration, mode: str, upload: _uploads.Upload) -> str:
    shape = [("conf", _uploads.to_json(conf.to_dict())), ("mode", mode.encode())]
    files = [(name, b"") for name in upload.files]
    return _uploads.fingerprint([*shape, *upload.documents.items(), *files])


def _existing(cluster_id: str, definition: str, mode: str) -> Action[Json | None]:
    """Find a job of this id: None when there is none, the job when it is the same and alive."""

    def settled() -> Action[tuple[Json | None] | None]:
        job = yield from find_job(cluster_id)
        return None if job is not None and job["state"] == JobState.DELETING else (job,)

    patience = (yield from ClientSecrets()).deletion_timeout
    (job,) = yield from wait_for(settled, f"deletion of the earlier {cluster_id!r}", timeout=patience)
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
    images = yield from Once("images", batch.list_images)
    chosen = _vm_images.choose_image(images, conf.vm_size, (yield from ServiceTime()))
    if chosen is None:
        kind = f"{'ARM' if _sizes.is_arm(conf.vm_size) else 'x64'} Linux image with Docker"
        days = _vm_images.SUPPORT.days
        fix = f"the account lists no verified {kind} that is supported for {days} days more, as vm_size needs: name one"
        raise InvalidConfigurationError(type(conf).__name__, [FieldError("vm_image", "None", fix)])
    log.info("Image of the nodes of %s: %s", conf.cluster_id, ":".join(chosen[:4]))
    return chosen


def _warn_of_nodes(conf: ClusterConfiguration) -> None:
    """Warn of nodes that cannot reach each other, or whose one disk takes everything: a full one ends a node."""
    if not _sizes.has_host_network(conf.container_run_options):
        log.warning(
            "container_run_options=%r has no '--network host': nodes reach each other in the host's network only, so "
            "the master is going to fail",
            conf.container_run_options,
        )
    if _sizes.lacks_temporary_disk(conf.vm_size):
        log.warning(
            "vm_size=%r has no temporary disk: Spark's shuffle files, images and logs share the OS disk of %d GB "
            "(os_disk_size_gb), and a node with a full disk becomes unusable. A size with 'd', such as %r, has one",
            conf.vm_size,
            conf.os_disk_size_gb,
            _sizes.DEFAULT_VM_SIZE,
        )


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
    end = time.monotonic() + (yield from ClientSecrets()).deletion_timeout.total_seconds()
    for pause in pauses(None):
        try:
            yield from batch.create_job(body)
            return None
        except ServiceError as error:
            # The first may come of our own request, repeated, or of a rival's; and Batch may show a job no more and
            # say that it is being deleted.
            if error.code not in (codes.JOB_EXISTS, codes.JOB_BEING_DELETED) or time.monotonic() > end:
                raise
        existing = yield from _existing(conf.cluster_id, definition, mode)
        if existing is not None:
            return existing
        yield from Pause(pause)
    raise AssertionError("pauses never end")
