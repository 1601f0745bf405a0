"""Injected faults: what is to fail, where, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.services.entra_orders import EntraOrders
from airflow_provider_aztk.local.batch.services.orders import Orders

if TYPE_CHECKING:
    import random

__all__ = ["AutoPoolFault", "FaultInjector", "HttpFault", "ImageFault", "ResizeFault", "StartTaskFault", "TaskFault"]


@dataclass(kw_only=True)
class _Counted:
    """A fault that happens *count* times (-1: always) after it was passed over *skip* times."""

    count: int = 1
    skip: int = 0

    def use(self) -> bool:
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count == 0:
            return False
        if self.count > 0:
            self.count -= 1
        return True


@dataclass(kw_only=True)
class ResizeFault(_Counted):
    """A resize that gets fewer nodes than asked for."""

    pool: str = "*"
    code: str = "AllocationFailed"
    message: str = "Desired number of nodes could not be allocated"
    values: dict[str, str] = field(default_factory=dict)
    dedicated: int = 0
    low_priority: int = 0


@dataclass(kw_only=True)
class AutoPoolFault(_Counted):
    """An auto-pool that cannot be made at all."""

    job: str = "*"
    code: str = "AutoPoolCreationFailedWithQuotaReached"
    message: str = "The auto pool could not be created because the quota of pools was reached"
    category: str = "UserError"


@dataclass(kw_only=True)
class StartTaskFault(_Counted):
    """A start task that fails without having run."""

    pool: str = "*"
    exit_code: int = 1


@dataclass(kw_only=True)
class ImageFault(_Counted):
    """A container image that cannot be pulled: by a node while it boots, or for a task."""

    pool: str = "*"
    image: str = "*"
    where: str = "node"


@dataclass(kw_only=True)
class TaskFault(_Counted):
    """A task of a collection that is not added, while the others are.

    ``status`` is ``ServerError`` or ``ClientError``. ``after`` adds the task all the same.
    """

    job: str = "*"
    task: str = "*"
    status: str = "ServerError"
    code: str = "InternalError"
    message: str = "Server encountered an internal error. Please try again after some time."
    after: bool = False


@dataclass(kw_only=True)
class HttpFault(_Counted):
    """A request that is not answered as it should be.

    ``kind`` is ``error`` (answer *status*), ``reset`` (close the connection), ``delay`` (answer late) or
    ``truncate`` (break off in the middle of the body). ``after`` lets the operation happen before it fails.
    """

    operation: str = "*"
    path: str = "*"
    kind: str = "error"
    status: int = 503
    code: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
    after: bool = False


class FaultInjector:
    """All faults that are to be injected."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Remove every fault and delay."""
        self.resizes: list[ResizeFault] = []
        self.auto_pools: list[AutoPoolFault] = []
        self.start_tasks: list[StartTaskFault] = []
        self.images: list[ImageFault] = []
        self.tasks: list[TaskFault] = []
        self.http: list[HttpFault] = []
        self.entra = EntraOrders()
        self.allocation_delay = 0.0
        self.boot_delay = 0.0
        self.deletion_delay = 0.0
        self.termination_delay = 0.0
        self.shuffle: random.Random | None = None
        self.orders = Orders()

    def for_resize(self, pool_id: str) -> ResizeFault | None:
        """Find the fault that a resize of a pool meets."""
        return next((f for f in self.resizes if fnmatchcase(pool_id, f.pool) and f.use()), None)

    def for_auto_pool(self, job_id: str) -> AutoPoolFault | None:
        """Find the fault that a job's auto-pool meets."""
        return next((f for f in self.auto_pools if fnmatchcase(job_id, f.job) and f.use()), None)

    def for_start_task(self, pool_id: str) -> StartTaskFault | None:
        """Find the fault that a start task meets."""
        return next((f for f in self.start_tasks if fnmatchcase(pool_id, f.pool) and f.use()), None)

    def for_image(self, pool_id: str, images: list[str], where: str) -> str | None:
        """Find the image that cannot be pulled."""
        for fault in self.images:
            if fault.where == where and fnmatchcase(pool_id, fault.pool):
                hit = next((image for image in images if fnmatchcase(image, fault.image)), None)
                if hit is not None and fault.use():
                    return hit
        return None

    def for_task(self, job_id: str, task_id: str) -> TaskFault | None:
        """Find the fault that a task of a collection meets."""
        return next(
            (f for f in self.tasks if fnmatchcase(job_id, f.job) and fnmatchcase(task_id, f.task) and f.use()), None
        )

    def for_request(self, operation: str, path: str) -> HttpFault | None:
        """Find the fault that a request meets."""
        return next(
            (f for f in self.http if fnmatchcase(operation, f.operation) and fnmatchcase(path, f.path) and f.use()),
            None,
        )
