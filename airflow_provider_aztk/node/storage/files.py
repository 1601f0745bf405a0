"""Download an application's files to the node, each checked against the checksum in its blob's name."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Callable, Dict, List, Sequence, Tuple

from airflow_provider_aztk.node.errors import BadInputError, BlobError
from airflow_provider_aztk.node.storage.web_files import fetch

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import FileRef
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["Files"]

TRIES = 2


class Files:
    """Downloaded files, each fetched once.

    :param directory: where they go, by checksum
    :param pause: seconds before the second try of a web address
    :param before: called before each download; may raise to end it all
    """

    def __init__(self, blobs: Blobs, directory: str, pause: float, before: Callable[[], object] = lambda: None) -> None:
        self._blobs = blobs
        self._directory = directory
        self._pause = pause
        self._before = before
        self._paths: Dict[Tuple[str, str], str] = {}

    def place(self, ref: FileRef) -> str:
        """Return what Spark can open: the path of the downloaded file, or its URL."""
        if ref.url and not ref.name:
            return ref.url
        source = (ref.blob or ref.url, ref.name)
        if source not in self._paths:
            self._paths[source] = self._fetch_url(ref) if ref.url else self._fetch(ref)
        return self._paths[source]

    def place_archives(self, refs: Sequence[FileRef]) -> List[str]:
        """Place archives, each with the folder in which Spark unpacks it."""
        self.place_all(refs)
        return [f"{self.place(ref)}#{ref.alias}" if ref.alias else self.place(ref) for ref in refs]

    def _fetch_url(self, ref: FileRef) -> str:
        folder = os.path.join(self._directory, "url-" + hashlib.sha256(ref.url.encode()).hexdigest())
        os.makedirs(folder, exist_ok=True)
        return fetch(ref.url, os.path.join(folder, ref.name), self._pause, self._before)

    def place_all(self, refs: Sequence[FileRef]) -> List[str]:
        """Place several files, for a list in which Spark wants them separated by commas."""
        for ref in refs:
            if "," in (ref.name or ref.url):
                raise BadInputError(f"Spark cannot take a file with a comma in its name: {ref.name or ref.url!r}")
        return [self.place(ref) for ref in refs]

    def _fetch(self, ref: FileRef) -> str:
        folder = os.path.join(self._directory, ref.sha256 or "unnamed")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, ref.name)
        for _ in range(TRIES):
            self._before()
            try:
                if self._blobs.download(ref.blob, path) == ref.sha256:
                    return path
            except BlobError as error:
                raise BadInputError(f"cannot download {ref.name}: {error}") from None
        raise BadInputError(f"{ref.name} is not what was uploaded: its checksum differs")
