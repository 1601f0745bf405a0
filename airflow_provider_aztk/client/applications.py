"""Applications: submit, get, stop, wait, logs; the same on a long-lived cluster and in an AZTK job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _batch_responses, _logs, _naming, _uploads
from airflow_provider_aztk.client._account import Account, check_kind, parallel
from airflow_provider_aztk.client._waiting import wait_for
from airflow_provider_aztk.client.clusters import Clusters, raise_if_failed
from airflow_provider_aztk.client.errors import (
    ApplicationExistsError,
    ApplicationNotFoundError,
    ClusterFailedError,
    FieldError,
    InvalidConfigurationError,
    ServiceError,
)
from airflow_provider_aztk.client.models import (
    Application,
    ApplicationConfiguration,
    ApplicationLog,
    ApplicationState,
    LogChunk,
    _sizes,
    _spark,
)
from airflow_provider_aztk.client.models._base import Faults
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

Json = dict[str, Any]


class Applications:
    """What can be done with applications; :class:`~airflow_provider_aztk.client.Client` is its public face."""

    def __init__(self, account: Account, clusters: Clusters) -> None:
        self._account = account
        self._clusters = clusters

    def submit(self, cluster_id: str, applications: Sequence[ApplicationConfiguration]) -> None:
        """Submit applications; one that was submitted already with the same definition is left as it is."""
        applications = list(applications)
        check_names(applications)
        job = self._clusters.job(cluster_id)
        failure = _batch_responses.job_failure(job)
        if failure:
            raise ClusterFailedError(
                f"cluster {cluster_id!r} takes no applications: {failure}", id=cluster_id, code=failure.code
            )
        check_sizes(job, applications)
        url = self._account.sas_url(_naming.container_name(cluster_id), None)
        fresh = self.upload(cluster_id, applications, url)
        container = _batch_requests.container_of(job)
        tasks = [_batch_requests.application_task(app, container, url) for app in applications]
        for name in self._clusters.add_tasks(job["id"], tasks):
            if name in fresh:
                self._check_same_case(job["id"], name)

    def _check_same_case(self, job_id: str, name: str) -> None:
        """Tell our own request, repeated, from an application whose name differs by its case only."""
        found = self._account.batch.get_task(job_id, name)["id"]
        if found != name:
            text = f"name={name!r} is taken by {found!r} on {job_id!r}: choose another (Azure Batch ignores the case)"
            raise ApplicationExistsError(text, id=name)

    def upload(self, cluster_id: str, applications: Sequence[ApplicationConfiguration], url: str) -> set[str]:
        """Write what the applications need; gives the names that were not there before.

        The definition is written once: so a second submission of the same name is seen, and can be told apart
        from a repeated one, before anything of the first is touched.
        """
        container = _naming.container_name(cluster_id)
        uploads = [_uploads.application_upload(app) for app in applications]
        names = [app.name for app in applications]
        written = parallel(lambda item: self._claim(container, *item), list(zip(names, uploads, strict=True)))
        rest = _uploads.Upload()
        for name, upload in zip(names, uploads, strict=True):
            rest.files.update(upload.files)
            upload.documents.pop(contract.app_definition_blob(name))
            rest.documents.update(upload.documents)
            if self._account.storage.delegated:
                rest.documents[contract.app_access_blob(name)] = _uploads.access_document(url)
        rest.documents[contract.ACTIVITY_BLOB] = b"submit"
        self._account.write(container, rest)
        return {name for name, new in zip(names, written, strict=True) if new}

    def _claim(self, container: str, name: str, upload: _uploads.Upload) -> bool:
        blob = contract.app_definition_blob(name)
        wanted = upload.documents[blob]
        if self._account.storage.put(container, blob, wanted, overwrite=False):
            return True
        if self._account.storage.get(container, blob) != wanted:
            text = f"name={name!r} is taken by an application of another definition: choose another name"
            raise ApplicationExistsError(text, id=name)
        return False

    def get(self, cluster_id: str, name: str) -> Application:
        """Get an application: one request."""
        missing = ApplicationNotFoundError(f"there is no application {name!r} on {cluster_id!r}", id=name)
        if not _batch_responses.is_application(str(name)):
            raise missing
        try:
            return _batch_responses.application(self._account.batch.get_task(cluster_id, name))
        except ServiceError as error:
            if error.status != 404:
                raise
            raise missing from error

    def list_all(self, cluster_id: str) -> list[Application]:
        """List the applications of a cluster or job."""
        tasks = self._account.batch.list_tasks(self._clusters.job(cluster_id)["id"])
        return [_batch_responses.application(task) for task in tasks if _batch_responses.is_application(task["id"])]

    def stop(self, cluster_id: str, name: str) -> bool:
        """Ask an application to stop; False where it has ended already.

        A running driver obeys a marker in the container, flushes its log and ends; one that has not started is ended
        by Azure Batch.
        """
        application = self.get(cluster_id, name)
        if application.state.is_terminal:
            return False
        self._account.storage.put(_naming.container_name(cluster_id), contract.app_stop_blob(application.name), b"stop")
        if application.state is not ApplicationState.RUNNING:
            self.terminate(cluster_id, name)
        return True

    def is_stopping(self, cluster_id: str, name: str) -> bool:
        """Tell whether an application was asked to stop."""
        return self._account.storage.exists(_naming.container_name(cluster_id), contract.app_stop_blob(name))

    def terminate(self, cluster_id: str, name: str) -> None:
        """End an application's task by Azure Batch, without grace."""
        try:
            self._account.batch.terminate_task(cluster_id, name)
        except ServiceError as error:
            if error.code not in ("TaskCompleted", "TaskNotFound"):
                raise

    def wait_done(
        self,
        cluster_id: str,
        name: str,
        *,
        timeout: float | timedelta | None = None,
        poll_interval: float | None = None,
    ) -> Application:
        """Wait until an application has ended, well or not."""

        def look() -> Application | None:
            application = self.get(cluster_id, name)
            if application.state.is_terminal:
                return application
            if application.state is not ApplicationState.RUNNING:
                raise_if_failed(self._clusters.get(cluster_id))  # it would wait for a node for ever
            return None

        return wait_for(
            look, f"application {name!r} on {cluster_id!r} done", timeout=timeout, poll_interval=poll_interval
        )

    def wait_all_done(
        self, cluster_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> list[Application]:
        """Wait until every application of a cluster has ended, well or not."""

        def look() -> list[Application] | None:
            applications = self.list_all(cluster_id)
            if all(app.state.is_terminal for app in applications):
                return applications
            raise_if_failed(self._clusters.get(cluster_id))
            return None

        return wait_for(look, f"all applications on {cluster_id!r} done", timeout=timeout, poll_interval=poll_interval)

    def read_log(self, cluster_id: str, name: str, offset: int = 0, max_bytes: int = _logs.MAX_READ) -> LogChunk:
        """Read some bytes of a driver's log: one request; no bytes where there is nothing new."""
        return self._read(cluster_id, name, offset, max_bytes)[0]

    def _read(self, cluster_id: str, name: str, offset: int, max_bytes: int) -> tuple[LogChunk, bool]:
        """Read some bytes, and tell whether the log had more when they were read."""
        where = _logs.place(name, offset, max_bytes)
        container = _naming.container_name(cluster_id)
        found = self._account.storage.get_range(container, where.blob, where.offset, where.length)
        if found is None or not found.data:
            return LogChunk(offset=offset, data=b""), False
        return LogChunk(offset=offset, data=found.data), _logs.goes_on(where, found.data, found.total)

    def stream_log(self, cluster_id: str, name: str, offset: int = 0) -> Iterator[bytes]:
        """Read the log from an offset to its present end, in constant memory."""
        more = True
        while more:
            chunk, more = self._read(cluster_id, name, offset, _logs.MAX_READ)
            if chunk.data:
                yield chunk.data
            offset = chunk.next_offset

    def log(self, cluster_id: str, name: str, *, tail: bool = False, current_bytes: int = 0) -> ApplicationLog:
        """Get the log, or what is new behind ``current_bytes``, with the state of the application."""
        if tail:
            chunk = self._whole_read(cluster_id, name, current_bytes)
            data = _logs.whole_characters(chunk.data)
            total = current_bytes + len(data)
            if data:  # it was running when it wrote this; a later call without new bytes asks for the state
                return _log(cluster_id, name, data, total, None)
        else:
            data = b"".join(self.stream_log(cluster_id, name, current_bytes))
            total = current_bytes + len(data)
        application = self._last_state(cluster_id, name)
        if tail and application.state.is_terminal:  # what the log ends with is no beginning of a character
            data = chunk.data
            total = current_bytes + len(data)
        if not data and application.name != name:  # Azure Batch ignores the case of names, Azure Storage does not
            return self.log(cluster_id, application.name, tail=tail, current_bytes=current_bytes)
        if not total and application.state.is_terminal:
            data = _logs.text_instead(application.failure).encode()
        return _log(cluster_id, name, data, total, application)

    def _whole_read(self, cluster_id: str, name: str, offset: int) -> LogChunk:
        """Read what is new; a character that two segments share comes whole."""
        chunk = self.read_log(cluster_id, name, offset)
        if not _logs.breaks_character(chunk, _logs.whole_characters(chunk.data)):
            return chunk
        rest = self.read_log(cluster_id, name, chunk.next_offset, max_bytes=_logs.LONGEST_CHARACTER - 1)
        return LogChunk(offset=offset, data=chunk.data + rest.data)

    def _last_state(self, cluster_id: str, name: str) -> Application:
        """Get the application, or what is kept of it after the cluster was deleted with keep_logs."""
        try:
            return self.get(cluster_id, name)
        except ApplicationNotFoundError:
            kept = self._account.storage.get(_naming.container_name(cluster_id), contract.app_result_blob(name))
            if kept is None:
                raise
        exit_code = json.loads(kept).get("exit_code")
        return Application(name=name, state=ApplicationState.COMPLETED, exit_code=exit_code)


def _log(cluster_id: str, name: str, data: bytes, total: int, application: Application | None) -> ApplicationLog:
    return ApplicationLog(
        name=name,
        cluster_id=cluster_id,
        log=data.decode("utf-8", errors="replace"),
        total_bytes=total,
        application_state=application.state if application else ApplicationState.RUNNING,
        exit_code=application.exit_code if application else None,
    )


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
            faults.append(
                FieldError(f"applications[{index}].name", repr(app.name), "give each application its own name")
            )
        seen.add(app.name.lower())
    if not applications:
        faults.append(FieldError("applications", "[]", "give at least one application"))
    if faults:
        raise InvalidConfigurationError("submission", faults)
