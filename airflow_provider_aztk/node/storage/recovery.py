"""Mirror the recovery directory of Spark's master to blobs, so that a master elsewhere takes over its state."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, Optional, Tuple

from airflow_provider_aztk.node.contract import ClusterBlobs

if TYPE_CHECKING:
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["RecoveryMirror"]

Stamp = Tuple[int, int]


class RecoveryMirror:
    """Copy what changed in a directory to blobs, and back into an empty one.

    Spark writes these small files in place. A file is copied only when it is the same in two passes, so that no half
    of one is copied. There is no permission to delete: the blob of a removed file is empty.
    """

    def __init__(self, blobs: Blobs, directory: str) -> None:
        self._blobs = blobs
        self._directory = directory
        self._seen: Dict[str, Stamp] = {}
        self._copied: Dict[str, Stamp] = {}

    def restore(self) -> int:
        """Fill the directory from the blobs; return the number of files."""
        os.makedirs(self._directory, exist_ok=True)
        self.clear_directory()
        for info in self._blobs.list(ClusterBlobs.RECOVERY_PREFIX):
            name = info.name[len(ClusterBlobs.RECOVERY_PREFIX) :]
            data = self._blobs.get(info.name) if info.size and "/" not in name else None
            if not data:
                continue
            path = os.path.join(self._directory, name)
            with open(path, "wb") as file:
                file.write(data)
            stamp = _stamp(path)
            if stamp is not None:
                self._copied[name] = stamp
        return len(self._copied)

    def clear_directory(self) -> None:
        """Remove what was restored; the next :meth:`sync` empties the blobs as well."""
        for name in os.listdir(self._directory):
            os.unlink(os.path.join(self._directory, name))

    def sync(self) -> None:
        """Copy new files that are stable, and empty the blobs of files that are removed."""
        present = {}
        for name in os.listdir(self._directory):
            stamp = _stamp(os.path.join(self._directory, name))
            if stamp is not None:
                present[name] = stamp
        for name, stamp in present.items():
            if self._copied.get(name) != stamp and self._seen.get(name) == stamp:
                self._copy(name, stamp)
        for name in [name for name in self._copied if name not in present]:
            self._blobs.put(ClusterBlobs.RECOVERY_PREFIX + name, b"")
            del self._copied[name]
        self._seen = present

    def _copy(self, name: str, stamp: Stamp) -> None:
        path = os.path.join(self._directory, name)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return
        if data and _stamp(path) == stamp:
            self._blobs.put(ClusterBlobs.RECOVERY_PREFIX + name, data)
            self._copied[name] = stamp


def _stamp(path: str) -> Optional[Stamp]:
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return None
    return info.st_mtime_ns, info.st_size
