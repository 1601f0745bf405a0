"""What the node code needs from the storage of the cluster's container, and how patient it is with it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, List, Optional, Protocol

if TYPE_CHECKING:
    from airflow_provider_aztk.node.storage.wire import BlobInfo

__all__ = ["Blobs", "Policy"]


class Blobs(Protocol):
    """What the commands need from storage. Names are relative to the container."""

    def get(self, name: str, offset: int = 0, length: Optional[int] = None) -> Optional[bytes]:
        """Return a blob, or a range of it; None if there is none."""

    def put(self, name: str, data: bytes) -> None:
        """Write a block blob, replacing what was there."""

    def head(self, name: str) -> Optional[BlobInfo]:
        """Return the properties of a blob; None if there is none."""

    def list(self, prefix: str) -> List[BlobInfo]:
        """List the blobs whose names begin with ``prefix``, in order of name."""

    def create_append(self, name: str) -> None:
        """Create an empty append blob unless there is one."""

    def append(self, name: str, data: bytes, position: int) -> None:
        """Append at exactly ``position``; repeating the same append changes nothing."""

    def download(self, name: str, path: str) -> str:
        """Write a blob to a file and return the sha256 of what was written, in hex."""

    def with_policy(self, policy: Policy, sleep: Callable[[float], object] = time.sleep) -> Blobs:
        """Return the same container with another policy."""


@dataclass(frozen=True)
class Policy:
    """How patient to be with storage.

    :param timeout: seconds a single request may be silent
    :param patience: seconds after which a failing call is given up
    :param first_pause: seconds before the first retry; doubles each time, with some chance in it
    :param longest_pause: seconds, the most to wait between two tries
    """

    timeout: float = 30.0
    patience: float = 300.0
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, attempt: int, retry_after: Optional[float]) -> float:
        """Return the seconds to wait after a failed attempt, counted from 0."""
        if retry_after is not None:
            return retry_after
        grown = min(self.first_pause * 2.0 ** min(attempt, 16), self.longest_pause)
        return grown * (0.75 + 0.5 * random.random())
