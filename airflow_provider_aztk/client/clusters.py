"""Clusters: create, delete, wait."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _logs, _naming, _task_results, _uploads
from airflow_provider_aztk.client._account import Account, check_kind
from airflow_provider_aztk.client._azure.storage import DELEGATED_SAS_MARGIN, MAX_DELEGATED_SAS
from airflow_provider_aztk.client._waiting import pauses, wait_for
from airflow_provider_aztk.client.cluster_reader import ClusterReader
from airflow_provider_aztk.client.errors import (
    AztkError,
    ClusterExistsError,
    ClusterFailedError,
    ClusterNotFoundError,
    FieldError,
    InvalidConfigurationError,
    JobExistsError,
    ServiceError,
)
from airflow_provider_aztk.client.models import Cluster, ClusterConfiguration, _sizes
from airflow_provider_aztk.node import bundle, contract

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Json = dict[str, Any]

#: How long to wait for an earlier cluster of the same id, which is being deleted, before giving up; seconds.
DELETION_PATIENCE = 180
#: Azure deletes a container in the background and keeps its name for half a minute or more.
_CONTAINER_PATIENCE = 120
#: How long somebody who began to create a cluster may take to post its job, before another one takes its place.
CLAIM_LIFETIME = timedelta(seconds=30)
#: What Batch answers when tasks are added to a job that has ended or is ending.
_NOT_ACTIVE = ("JobBeingDeleted", "JobBeingTerminated", "JobCompleted", "JobNotActive", "JobTerminating")
#: How often tasks that met an error of the service are sent, and the longest pause between in seconds.
_TASK_TRIES = 8
_LONGEST_TASK_PAUSE = 15.0
_ENDED_STATES = ("completed", "terminating", "deleting")


class Clusters(ClusterReader):
    """What can be done with clusters; :class:`~airflow_provider_aztk.client.Client` is its public face."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._images: list[Json] | None = None
        self._images_lock = Lock()

    def create(
        self,
        conf: ClusterConfiguration,
        mode: str = _naming.MODE_CLUSTER,
        more_tasks: Callable[[str], Sequence[Json]] = lambda url: (),
        applications: int | None = None,
    ) -> tuple[Json, bool]:
        """Create the Batch job that is this cluster, or finish a half-made one of the same definition.

        :param more_tasks: returns further tasks from the URL of the container, and uploads what they need.
        :param applications: how many of them are applications of an AZTK job.
        :returns: the Batch job, and whether it was there before.
        """
        check_kind(conf, ClusterConfiguration, "cluster_conf")
        self._check_lifetime(conf)
        upload = _uploads.cluster_upload(conf, mode)
        definition = self._definition(conf, mode, upload)
        existing = self._existing(conf.cluster_id, definition, mode)
        image = None if existing else self._image(conf)
        container = _naming.container_name(conf.cluster_id)
        made = self._prepare_container(conf, container, definition, mode, keep=existing is not None)
        try:
            url = self._account.sas_url(container, conf.max_lifetime)
            self._fill_container(container, upload, url)
            # What the tasks need is uploaded first: no node waits for a large file, and is paid for meanwhile.
            tasks = [*_batch_requests.cluster_tasks(conf, url), *more_tasks(url)]
            if existing is None and image is not None:
                existing = self._post_job(conf, mode, url, image, definition, applications)
        except AztkError:
            if made:
                self._account.storage.delete_container(container)
            raise
        self.add_tasks(conf.cluster_id, tasks)
        return existing or self.job(conf.cluster_id), existing is not None

    def _check_lifetime(self, conf: ClusterConfiguration) -> None:
        longest = MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN
        if self._account.storage.delegated and (conf.max_lifetime is None or conf.max_lifetime > longest):
            fix = f"with Entra sign-in a cluster's SAS lives 7 days at most: give at most {longest}"
            raise InvalidConfigurationError(
                type(conf).__name__, [FieldError("max_lifetime", str(conf.max_lifetime), fix)]
            )

    @staticmethod
    def _definition(conf: ClusterConfiguration, mode: str, upload: _uploads.Upload) -> str:
        shape = [("conf", _uploads.to_json(conf.to_dict())), ("mode", mode.encode())]
        files = [(name, b"") for name in upload.files]
        return _uploads.fingerprint([*shape, *upload.documents.items(), *files])

    def _existing(self, cluster_id: str, definition: str, mode: str) -> Json | None:
        """Find a job of this id: None when there is none, the job when it is the same and alive."""

        def settled() -> tuple[Json | None] | None:
            job = self.find_job(cluster_id)
            return None if job is not None and job["state"] == "deleting" else (job,)

        (job,) = wait_for(settled, f"deletion of the earlier {cluster_id!r}", timeout=DELETION_PATIENCE)
        if job is None:
            return None
        metadata = _naming.from_metadata(job.get("metadata"))
        if metadata.get(_naming.DEFINITION) == definition and job["state"] not in _ENDED_STATES:
            return job
        raise self._taken(job, metadata.get(_naming.MODE), mode)

    @staticmethod
    def _taken(job: Json, found: str | None, wanted: str) -> AztkError:
        what = {"cluster": "a cluster", "job": "a job"}.get(str(found), "an Azure Batch job that is not AZTK's")
        state = " that has ended" if job["state"] in _ENDED_STATES else " of another definition"
        field, kind = ("id", JobExistsError) if wanted == _naming.MODE_JOB else ("cluster_id", ClusterExistsError)
        text = f"{field}={job['id']!r} is taken by {what}{state}: choose another id, or delete it first"
        return kind(text, id=job["id"])

    def _image(self, conf: ClusterConfiguration) -> _sizes.VmImage:
        if conf.vm_image:
            image = _sizes.parse_vm_image(conf.vm_image)
            assert image is not None  # validated by the model
            return image
        with self._images_lock:  # clusters that are created side by side ask once
            if self._images is None:
                wanted = "osType eq 'linux' and verificationType eq 'verified'"
                self._images = self._account.batch.list_images(filter=wanted)
        chosen = _batch_requests.choose_image(self._images)
        if chosen is None:
            fix = "the account lists no verified Linux image with Docker: name one"
            raise InvalidConfigurationError(type(conf).__name__, [FieldError("vm_image", "None", fix)])
        return chosen

    def _prepare_container(
        self, conf: ClusterConfiguration, container: str, definition: str, mode: str, *, keep: bool
    ) -> bool:
        """Make the container; of an earlier one of the same id only the uploaded files are kept.

        Its metadata say who fills it, so that a rival does not write another definition under the winner's job.
        """
        claim = {"aztk_id": conf.cluster_id, _naming.DEFINITION: definition}

        def create() -> tuple[bool] | None:
            try:
                return (self._account.storage.create_container(container, claim),)
            except ServiceError as error:
                if error.code == "ContainerBeingDeleted":
                    return None
                raise

        (made,) = wait_for(create, f"deletion of the earlier container {container!r}", timeout=_CONTAINER_PATIENCE)
        if not made and not keep and not self._is_claimed(conf.cluster_id, container, definition, mode):
            self._account.storage.set_container_metadata(container, claim)
            stale = [n for n in self._account.storage.names(container) if not n.startswith(contract.FILES_PREFIX)]
            self._account.storage.delete(container, stale)
        return made

    def _is_claimed(self, cluster_id: str, container: str, definition: str, mode: str) -> bool:
        """Tell whether somebody fills a container with the same definition just now; give way to another one."""

        def look() -> tuple[bool] | None:
            metadata, age = self._account.storage.container_metadata(container)
            found = metadata.get(_naming.DEFINITION)
            if found is None or age > CLAIM_LIFETIME:
                return (False,)
            if found == definition:
                return (True,)
            self._existing(cluster_id, definition, mode)  # raises when the other one has won
            return None

        return wait_for(look, f"the creation of another {cluster_id!r}")[0]

    def _fill_container(self, container: str, upload: _uploads.Upload, url: str) -> None:
        upload.documents[contract.BUNDLE_BLOB] = bundle.build_bundle()
        upload.documents[contract.ACCESS_BLOB] = _uploads.access_document(url)
        self._account.write(container, upload)
        # Written once: a half-made cluster that is finished now may have a master that uses it already.
        secret = _uploads.new_spark_secret()
        self._account.storage.put(container, contract.SPARK_SECRET_BLOB, secret, overwrite=False)

    def _post_job(
        self,
        conf: ClusterConfiguration,
        mode: str,
        url: str,
        image: _sizes.VmImage,
        definition: str,
        applications: int | None,
    ) -> Json | None:
        body = _batch_requests.job_body(
            conf,
            mode=mode,
            container_url=url,
            image=image,
            docker=self._account.secrets.docker,
            definition=definition,
            applications=applications,
        )
        try:
            self._account.batch.create_job(body)
        except ServiceError as error:
            if error.code != "JobExists":
                raise
            return self._existing(conf.cluster_id, definition, mode)  # our own request, repeated, or a rival's
        return None

    def add_tasks(self, job_id: str, tasks: Sequence[Json]) -> list[str]:
        """Add tasks, a hundred in a request; gives the ids of those that existed already.

        Each task has a result of its own. One that met an error of the service is sent again, and only that one.

        :raises ServiceError: naming a task that was refused, or that the service could not add after all tries.
        """
        existed: list[str] = []
        pending = [list(tasks[i : i + _batch_requests.TASKS_PER_REQUEST])
                   for i in range(0, len(tasks), _batch_requests.TASKS_PER_REQUEST)]  # fmt: skip
        rests = pauses(_LONGEST_TASK_PAUSE)
        tries = 1
        while pending:
            group = pending.pop(0)
            try:
                results = self._account.batch.create_tasks(job_id, group)
            except ServiceError as error:
                pending[:0] = self._halves(job_id, group, error)
                continue
            added = _task_results.read(group, results)
            existed += added.existed
            if added.again:
                if tries >= _TASK_TRIES:
                    raise added.failure(tries)
                tries += 1
                time.sleep(next(rests))
                pending.insert(0, added.again)
        return existed

    def _halves(self, job_id: str, group: list[Json], error: ServiceError) -> list[list[Json]]:
        """Split a request that was too large; raise what another error means."""
        if error.code in _NOT_ACTIVE:
            raise self._ended(job_id) from error
        if (error.code != "RequestBodyTooLarge" and error.status != 413) or len(group) == 1:
            raise error
        middle = len(group) // 2
        return [group[:middle], group[middle:]]

    def _ended(self, job_id: str) -> ClusterFailedError:
        """Say why a job takes no tasks any more: its auto-pool failed, its time is over, somebody ended it."""
        failure = self.get(job_id).failure
        text = f"cluster {job_id!r} takes no applications: {failure}"
        return ClusterFailedError(text, id=job_id, code=failure.code if failure else None)

    def delete(self, cluster_id: str, *, keep_logs: bool = False, wait: bool = False) -> bool:
        """Delete job, pool and container; what is gone already is fine. False where there was nothing."""
        container = _naming.container_name(cluster_id)
        job = self.find_job(cluster_id)
        found = job is not None and job["state"] != "deleting"
        if job is not None and _naming.MODE not in _naming.from_metadata(job.get("metadata")):
            raise ClusterNotFoundError(f"{cluster_id!r} is an Azure Batch job that is not AZTK's", id=cluster_id)
        if found:
            self._delete_job(cluster_id)
        pools = self._orphans(cluster_id) if job is None else []
        for pool in pools:
            self._delete_pool(pool)
        removed = self._strip_container(container) if keep_logs else self._account.storage.delete_container(container)
        if wait:
            wait_for(lambda: self.find_job(cluster_id) is None or None, f"deletion of {cluster_id!r}")
        return found or removed or bool(pools)

    def delete_ended(self, cluster_id: str) -> bool:
        """Delete the Batch job of a cluster that has ended, and only of that: somebody may have made a new one.

        Its container stays: the next cluster of this id takes it over.
        """
        job = self.find_job(cluster_id)
        if job is None or job["state"] not in ("completed", "terminating"):
            return False
        if _naming.from_metadata(job.get("metadata")).get(_naming.MODE) != _naming.MODE_CLUSTER:
            return False
        try:
            self._account.batch.delete_job(cluster_id, etag=job["eTag"])
        except ServiceError as error:
            if error.status not in (404, 412) and error.code != "JobBeingDeleted":
                raise
            return False
        return True

    def _delete_job(self, job_id: str) -> None:
        try:
            self._account.batch.delete_job(job_id)
        except ServiceError as error:
            if error.status != 404 and error.code != "JobBeingDeleted":
                raise

    def _delete_pool(self, pool_id: str) -> None:
        try:
            self._account.batch.delete_pool(pool_id)
        except ServiceError as error:  # gone or going: our own request, repeated, or somebody else's
            if error.status != 404 and error.code != "PoolBeingDeleted":
                raise

    def _orphans(self, cluster_id: str) -> Sequence[str]:
        """Find pools of this cluster that outlived their job, by the owner's metadata."""
        found = []
        for pool in self._account.batch.list_pools(select=["id", "state", "metadata"]):
            same = _naming.from_metadata(pool.get("metadata")).get(_naming.CLUSTER_ID, "").lower() == cluster_id.lower()
            if same and pool.get("state") != "deleting":
                found.append(str(pool["id"]))
        return found

    def _strip_container(self, container: str) -> bool:
        try:
            names = list(self._account.storage.names(container))
        except ServiceError as error:
            if error.status == 404 or error.code == "ContainerBeingDeleted":
                return False
            raise
        self._account.storage.delete(container, [name for name in names if not _logs.is_log(name)])
        self._account.storage.set_container_metadata(container, {"aztk_kept": "logs"})
        return True

    def wait_ready(
        self, cluster_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> Cluster:
        """Wait until a cluster is ready; raise at once when it never will be."""

        def look() -> Cluster | None:
            cluster = self.get(cluster_id)
            raise_if_failed(cluster)
            return cluster if cluster.is_ready else None

        return wait_for(look, f"cluster {cluster_id!r} ready", timeout=timeout, poll_interval=poll_interval)


def raise_if_failed(cluster: Cluster) -> None:
    """Raise when a cluster has failed, has ended or is going."""
    if not cluster.state.is_terminal:
        return
    failure = cluster.failure
    raise ClusterFailedError(
        f"cluster {cluster.id!r} is {cluster.state}: {failure or 'it is being deleted'}",
        id=cluster.id,
        code=failure.code if failure else None,
        values=failure.values if failure else None,
    )
