"""Find out whether all applications of an AZTK job have ended, so that the master can end the job.

Usually the task ``aztk-finish`` does that. It does not run where Azure Batch takes an application that was terminated
for one that its dependents wait for, and it has no effect where exit code 0 has none. The master waits a while, so that
Azure Batch has noted the end of the last application before the job ends.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Dict, Optional

from airflow_provider_aztk.node.contract import ApplicationBlobs, Result
from airflow_provider_aztk.node.errors import BadInputError
from airflow_provider_aztk.node.storage.documents import read_blob

if TYPE_CHECKING:
    from airflow_provider_aztk.node.storage.blobs import Blobs
    from airflow_provider_aztk.node.storage.wire import BlobInfo

__all__ = ["JobResults"]


class JobResults:
    """The results of a job's applications; each is read again only when it has changed."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._final: Dict[str, bool] = {}  # by name and time of writing

    def seconds_since_end(self) -> Optional[float]:
        """Return how long ago the last application ended for good; None while one has not."""
        found = {blob.name: blob for blob in self._blobs.list(ApplicationBlobs.PREFIX)}
        ages = []
        for name in found:
            application = name[len(ApplicationBlobs.PREFIX) :].split("/")[0]
            blobs = ApplicationBlobs(application)
            if name != blobs.definition:
                continue
            result = found.get(blobs.result)
            if result is None or not self._is_final(result):
                return None
            ages.append(result.age)
        return min(ages) if ages else None

    def _is_final(self, blob: BlobInfo) -> bool:
        key = f"{blob.name} {blob.etag}"
        if not blob.etag or key not in self._final:
            self._final[key] = False
            with contextlib.suppress(BadInputError):
                result = read_blob(self._blobs, blob.name, Result)
                self._final[key] = result is not None and result.final
        return self._final[key]
