"""Everything in the emulated Batch account."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aztk.local.batch.common.times import EtagClock, utcnow
from airflow_provider_aztk.local.batch.store.collection import Collection

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_aztk.local.batch.store.records import JobRecord, PoolRecord

__all__ = ["Account"]


class _Versioned(Protocol):
    etag: str
    modified: datetime


class Account:
    """The pools and jobs of the account; nodes hang on pools, tasks on jobs."""

    def __init__(self) -> None:
        self.pools: Collection[PoolRecord] = Collection()
        self.jobs: Collection[JobRecord] = Collection()
        self.etags = EtagClock()
        self._numbers = count(1)

    def next_number(self) -> int:
        """Number records in the order of their coming."""
        return next(self._numbers)

    def touch(self, record: _Versioned) -> None:
        """Note that a request has changed a record: it gets a new ETag and time."""
        record.modified = utcnow()
        record.etag = self.etags.next(record.modified)
