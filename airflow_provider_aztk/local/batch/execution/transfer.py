"""Fetching resource files before a task and uploading output files after it, over plain HTTP."""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree

import aiohttp
from yarl import URL

from airflow_provider_aztk.local.batch.execution.layout import PathOutsideError, node_of, resolve_inside
from airflow_provider_aztk.local.batch.execution.patterns import has_wildcards, match_files
from airflow_provider_aztk.local.batch.execution.retrying import MAY_HEAL, TransferError, tried_again
from airflow_provider_aztk.local.batch.store.specs import UploadCondition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_aztk.local.batch.store.specs import OutputFile, ResourceFile

__all__ = ["TransferError", "Transfers"]

_CHUNK = 256 * 1024
_API_VERSION = "2021-12-02"
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=30, sock_read=60)
_BLOB_CODES = {403: "BlobAccessDenied", 404: "BlobNotFound"}
_CONTAINER_CODES = {403: "ResourceContainerAccessDenied", 404: "ResourceContainerNotFound"}
_UPLOAD_CODES = {403: "FileUploadAccessDenied", 404: "FileUploadContainerNotFound", 409: "FileUploadConflict"}
_TEXTS = {
    "BlobAccessDenied": "Access for one of the specified Azure Blob(s) is denied",
    "BlobNotFound": "One of the specified Azure Blob(s) is not found",
    "BlobDownloadMiscError": "Miscellaneous error encountered while downloading one of the specified Azure Blob(s)",
    "ResourceContainerAccessDenied": "Access for one of the specified Azure Storage container(s) is denied",
    "ResourceContainerNotFound": "One of the specified Azure Storage container(s) is not found",
    "ResourceContainerListMiscError": "Miscellaneous error while listing one of the specified containers",
    "ResourceFileInvalidUrl": "One of the specified resource files cannot be used",
    "FileUploadAccessDenied": "Access was denied while uploading one of the output files",
    "FileUploadContainerNotFound": "The container for one of the output files was not found",
    "FileUploadConflict": "A conflict occurred while uploading one of the output files",
    "FileUploadMiscError": "An error occurred while uploading one of the output files",
}


def _error(code: str, *details: tuple[str, str], may_heal: bool = False) -> TransferError:
    return TransferError(code, _TEXTS[code], *details, may_heal=may_heal)


class Transfers:
    """Moves files between blob storage (or any web server) and nodes.

    :param ca_file: certificates that are trusted beside the system's.
    :param has_stubs: returns whether listings of containers hold the directories, as with a hierarchical namespace.
    """

    def __init__(self, ca_file: Path | None = None, has_stubs: Callable[[], bool] = lambda: False) -> None:
        self._ca_file = ca_file
        self._has_stubs = has_stubs
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch(self, files: Iterable[ResourceFile], working_directory: Path) -> None:
        """Download the resource files of a task into its working directory.

        :raises TransferError: one could not be downloaded.
        """
        for file in files:
            if file.http_url:
                await tried_again(partial(self._download, file.http_url, working_directory, file.path, file.mode))
            elif file.container_url:
                await self._fetch_container(file, working_directory)
            else:
                raise _error(
                    "ResourceFileInvalidUrl", ("Reason", "The account has no auto-storage account in the local stack.")
                )

    async def upload(self, files: Iterable[OutputFile], task_directory: Path, *, succeeded: bool) -> None:
        """Upload a task's output files, those whose condition holds.

        :raises TransferError: one could not be uploaded.
        """
        wanted = (UploadCondition.COMPLETION, UploadCondition.SUCCESS if succeeded else UploadCondition.FAILURE)
        entries = [entry for entry in files if entry.condition in wanted]
        if not entries:
            return
        with _UploadLog(task_directory) as log:
            for entry in entries:
                await self._upload_entry(entry, task_directory, log)

    async def _fetch_container(self, file: ResourceFile, working_directory: Path) -> None:
        names = await self._list_blobs(file.container_url, file.blob_prefix)
        stubs = _directories(names) if self._has_stubs() else set()
        for name in sorted({*names, *stubs}):
            if name in stubs:
                resolve_inside(working_directory, os.path.join(file.path, name)).mkdir(parents=True, exist_ok=True)
            elif not name.endswith("/"):
                url, path = _blob_url(file.container_url, name), os.path.join(file.path, name)
                await tried_again(partial(self._download, url, working_directory, path, file.mode))

    async def _list_blobs(self, container_url: str, prefix: str) -> list[str]:
        names: list[str] = []
        marker = ""
        while True:
            listing = await tried_again(partial(self._list_page, container_url, prefix, marker))
            names += [node.text or "" for node in listing.iterfind("Blobs/Blob/Name")]
            marker = listing.findtext("NextMarker") or ""
            if not marker:
                return names

    async def _list_page(self, container_url: str, prefix: str, marker: str) -> ElementTree.Element:
        query = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
        url = _add_query(container_url, {name: value for name, value in query.items() if value})
        detail = ("BlobContainer", _plain(container_url))
        try:
            async with self._http().get(URL(url, encoded=True), headers={"x-ms-version": _API_VERSION}) as response:
                if response.status != 200:
                    code = _CONTAINER_CODES.get(response.status, "ResourceContainerListMiscError")
                    raise _error(code, detail, _status(response), may_heal=response.status in MAY_HEAL)
                return ElementTree.fromstring(await response.read())
        except (aiohttp.ClientError, TimeoutError, ElementTree.ParseError) as error:
            code = "ResourceContainerListMiscError"
            raise _error(code, detail, ("Message", str(error)), may_heal=True) from error

    async def _download(self, url: str, working_directory: Path, relative: str, mode: int) -> None:
        try:
            target = resolve_inside(working_directory, relative)
        except PathOutsideError as error:
            raise _error("ResourceFileInvalidUrl", ("FilePath", relative)) from error
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            async with self._http().get(URL(url, encoded=True), headers={"x-ms-version": _API_VERSION}) as response:
                if response.status != 200:
                    code = _BLOB_CODES.get(response.status, "BlobDownloadMiscError")
                    details = (("BlobSource", _plain(url)), ("FilePath", relative), _status(response))
                    raise _error(code, *details, may_heal=response.status in MAY_HEAL)
                await _write(response, target)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            details = (("BlobSource", _plain(url)), ("FilePath", relative), ("Message", str(error)))
            may_heal = isinstance(error, aiohttp.ClientError | TimeoutError)
            raise _error("BlobDownloadMiscError", *details, may_heal=may_heal) from error
        target.chmod(mode)

    async def _upload_entry(self, entry: OutputFile, task_directory: Path, log: _UploadLog) -> None:
        found = list(match_files(entry.pattern, task_directory / "wd", node_of(task_directory)))
        several = has_wildcards(entry.pattern)
        for file, name in found:
            prefix = entry.path.rstrip("/")
            blob = "/".join(filter(None, [prefix, name])) if several else entry.path or file.name
            log.out(f"Uploading {file} to {blob}")
            try:
                url = _blob_url(entry.container_url, blob)
                await tried_again(partial(self._put, url, file, entry.headers))
            except TransferError as error:
                log.err(f"{error}: {file}")
                raise

    async def _put(self, url: str, file: Path, headers: dict[str, str]) -> None:
        handle = await asyncio.to_thread(file.open, "rb")
        size = os.fstat(handle.fileno()).st_size
        fixed = {"x-ms-blob-type": "BlockBlob", "x-ms-version": _API_VERSION, "Content-Length": str(size)}
        with handle:
            try:
                async with self._http().put(
                    URL(url, encoded=True), data=handle, headers={**headers, **fixed}
                ) as response:
                    if response.status != 201:
                        code = _UPLOAD_CODES.get(response.status, "FileUploadMiscError")
                        details = (("Destination", _plain(url)), _status(response))
                        raise _error(code, *details, may_heal=response.status in MAY_HEAL)
            except (aiohttp.ClientError, TimeoutError) as error:
                details = (("Destination", _plain(url)), ("Message", str(error)))
                raise _error("FileUploadMiscError", *details, may_heal=True) from error

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            # The address is sent as written: a SAS must not be re-encoded.
            connector = aiohttp.TCPConnector(ssl=self._trust())
            self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, requote_redirect_url=False)
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        """Return which certificates are trusted: the system's and those of the settings."""
        if self._ca_file is None:
            return True
        context = ssl.create_default_context()
        context.load_verify_locations(self._ca_file)
        return context


class _UploadLog:
    """The two files that tell a user what was uploaded."""

    def __init__(self, task_directory: Path) -> None:
        self._out = (task_directory / "fileuploadout.txt").open("a", encoding="utf-8")
        self._err = (task_directory / "fileuploaderr.txt").open("a", encoding="utf-8")

    def __enter__(self) -> _UploadLog:
        return self

    def __exit__(self, *args: object) -> None:
        self._out.close()
        self._err.close()

    def out(self, line: str) -> None:
        self._out.write(line + "\n")

    def err(self, line: str) -> None:
        self._err.write(line + "\n")


async def _write(response: aiohttp.ClientResponse, target: Path) -> None:
    handle = await asyncio.to_thread(target.open, "wb")
    with handle:
        async for chunk in response.content.iter_chunked(_CHUNK):
            handle.write(chunk)


def _directories(names: Iterable[str]) -> set[str]:
    """Return the directories that hold these blobs."""
    return {str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."}


def _blob_url(container_url: str, name: str) -> str:
    parts = urlsplit(container_url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/" + quote(name)))


def _add_query(url: str, extra: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode(extra, quote_via=quote)]))
    return urlunsplit(parts._replace(query=query))


def _plain(url: str) -> str:
    """Leave the signature out of what users read."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name != "sig"]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _status(response: aiohttp.ClientResponse) -> tuple[str, str]:
    return ("HttpStatus", f"{response.status} {response.headers.get('x-ms-error-code', response.reason or '')}".strip())
