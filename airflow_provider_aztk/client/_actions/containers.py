"""The blob container of a cluster: claim it, fill it, sign its URL."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.client import _naming, _uploads
from airflow_provider_aztk.client._actions.waiting import wait_for
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.blocks import BLOCK_SIZE
from airflow_provider_aztk.client._azure.listings import delete_blobs_but
from airflow_provider_aztk.client._azure.put_blob import put_blob
from airflow_provider_aztk.client._azure.sas import DELEGATED_SAS_MARGIN, MAX_DELEGATED_SAS, SasIsDelegated, SasUrl
from airflow_provider_aztk.client._azure.storage import (
    BlobExists,
    ContainerMetadata,
    CreateContainer,
    SetContainerMetadata,
)
from airflow_provider_aztk.client._requests import Action, ClientSecrets, LocalWork, SideBySide
from airflow_provider_aztk.client.errors import ServiceError
from airflow_provider_aztk.node import bundle, contract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: How long somebody who began to create a cluster may take to post its job, before another one takes its place.
CLAIM_LIFETIME = timedelta(seconds=30)
#: Up to this size, in bytes, a file is sent at once, and refused where it is there already; above, it is asked for.
SMALL_FILE = 1024 * 1024
#: A Batch task lives 180 days at most, so a SAS that lives longer outlives every cluster.
KEY_SAS_LIFETIME = timedelta(days=190)


def prepare_container(
    cluster_id: str, container: str, definition: str, *, keep: bool, check_rival: Callable[[], Action[object]]
) -> Action[bool]:
    """Create the container; of an earlier one of the same id only the uploaded files are kept.

    Its metadata say who fills it, so that a rival does not write another definition under the winner's job.

    :param keep: keep all that is in an earlier one.
    :param check_rival: raises an error where a cluster of another definition has been made under this id.
    :returns: whether it is the caller's alone: created, or taken over from a cluster that is gone.
    """
    claim = {"aztk_id": cluster_id, _naming.DEFINITION: definition}

    def create() -> Action[tuple[bool] | None]:
        try:
            return ((yield from CreateContainer(container, claim)),)
        except ServiceError as error:
            if error.code == codes.CONTAINER_BEING_DELETED:
                return None
            raise

    what = f"deletion of the earlier container {container!r}"
    (made,) = yield from wait_for(create, what, timeout=(yield from ClientSecrets()).deletion_timeout)
    if made or keep:
        return made
    if (yield from _is_claimed(cluster_id, container, definition, check_rival)):
        return False
    yield from SetContainerMetadata(container, claim)
    yield from delete_blobs_but(container, lambda name: name.startswith(contract.ClusterBlobs.FILES_PREFIX))
    return True


def _is_claimed(
    cluster_id: str, container: str, definition: str, check_rival: Callable[[], Action[object]]
) -> Action[bool]:
    """Return whether somebody fills a container with the same definition just now; wait for one with another."""

    def poll() -> Action[tuple[bool] | None]:
        metadata, age = yield from ContainerMetadata(container)
        found = metadata.get(_naming.DEFINITION)
        if found is None or age > CLAIM_LIFETIME:
            return (False,)
        if found == definition:
            return (True,)
        yield from check_rival()
        return None

    return (yield from wait_for(poll, f"the creation of another {cluster_id!r}"))[0]


def fill_container(container: str, upload: _uploads.Upload, url: str) -> Action[None]:
    """Write all that a cluster needs."""
    upload.documents[contract.ClusterBlobs.BUNDLE] = yield from LocalWork(bundle.build_bundle)
    upload.documents[contract.ClusterBlobs.ACCESS] = _uploads.access_document(url)
    yield from write_upload(container, upload)
    # Written once: a half-made cluster that is finished now may have a master that uses it already.
    yield from put_blob(container, contract.ClusterBlobs.SPARK_SECRET, _uploads.new_spark_secret(), overwrite=False)


def sign_container(container: str, lifetime: timedelta | None) -> Action[str]:
    """Sign the URL of a cluster's container for as long as the cluster may live, and a SAS of this account."""
    wanted = KEY_SAS_LIFETIME if lifetime is None else lifetime + timedelta(days=1)
    longest = yield from longest_sas()
    return (yield from SasUrl(container, wanted if longest is None else min(wanted, longest)))


def longest_sas() -> Action[timedelta | None]:
    """Return how long from now a SAS may live, by Entra ID's limit or the setting ``sas_lifetime``; None for no limit.

    No request is sent.
    """
    limits = [(yield from ClientSecrets()).sas_lifetime]
    if (yield from SasIsDelegated()):
        limits.append(MAX_DELEGATED_SAS)
    return min((limit - DELEGATED_SAS_MARGIN for limit in limits if limit is not None), default=None)


def write_upload(container: str, upload: _uploads.Upload) -> Action[None]:
    """Write documents (anew) and files (unless their content is there already), side by side."""
    sizes = yield from LocalWork(lambda: {name: _size(data) for name, data in upload.files.items()})
    writes = [put_blob(container, name, data) for name, data in upload.documents.items()]
    files = {name: _write_file(container, name, data, sizes[name]) for name, data in upload.files.items()}
    large = [name for name in files if sizes[name] > BLOCK_SIZE]
    yield from SideBySide([*writes, *(files[name] for name in files if name not in large)])
    for name in large:  # one after the other: the blocks of each go side by side
        yield from files[name]


def _write_file(container: str, name: str, data: Path | bytes, size: int) -> Action[bool]:
    if SMALL_FILE < size <= BLOCK_SIZE and (yield from BlobExists(container, name)):  # a larger one: put_blob asks
        return False
    wanted = name.removeprefix(contract.ClusterBlobs.FILES_PREFIX).partition("/")[0]
    return (yield from put_blob(container, name, data, overwrite=False, sha256=wanted))


def _size(data: Path | bytes) -> int:
    """Return a file's size; 0 where it does not exist any more, which is an error when it is read."""
    try:
        return len(data) if isinstance(data, bytes) else data.stat().st_size
    except OSError:
        return 0
