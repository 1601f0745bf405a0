"""Everything in the emulated Batch account."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.times import EtagClock
from airflow_provider_aztk.local.batch.store.collection import Collection

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.store.records import JobRecord, PoolRecord

__all__ = ["Account"]


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
