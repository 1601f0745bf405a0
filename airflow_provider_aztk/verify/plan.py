"""What a run makes, at most, and how long it may take."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

__all__ = ["CONTAINER_PREFIX", "PREFIX", "Plan", "begun_at"]

#: Everything that a run makes has an id that begins with this.
PREFIX = "aztk-verify-"
#: Containers are named after the id of their cluster.
CONTAINER_PREFIX = f"aztk-{PREFIX}"
_STAMP = "%y%m%d%H%M%S"
_BEGUN = re.compile(rf"{PREFIX}(\d{{12}})-")


def _new_run() -> str:
    return f"{PREFIX}{datetime.now(UTC).strftime(_STAMP)}-{secrets.token_hex(2)}"


def begun_at(id: str) -> datetime | None:
    """Return when the run began that made a job, a pool or a container of this id or name."""
    found = _BEGUN.search(id)
    try:
        return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run may make.

    :param nodes: of the cluster; no more are there at once.
    :param limit: how long the run may take; Azure itself ends what is still there then.
    :param patience: how long to wait for what may never happen, before the answer is no.
    :param vm_size: of the nodes; None for the default of the product.
    :param image: of the containers; None for the default of the product.
    :param run: the id of the run, with which all other ids begin.
    """

    nodes: int = 2
    limit: timedelta = timedelta(minutes=30)
    patience: timedelta = timedelta(minutes=3)
    vm_size: str | None = None
    image: str | None = None
    run: str = field(default_factory=_new_run)

    @property
    def poll_interval(self) -> float:
        """The longest pause between two polls, in seconds."""
        return min(5.0, self.patience.total_seconds() / 20)

    def id(self, part: str) -> str:
        """Return the id of a part of the run."""
        return f"{self.run}-{part}"

    def minutes(self) -> str:
        """Return the limit, for people."""
        return f"{self.limit.total_seconds() / 60:g} minutes"
