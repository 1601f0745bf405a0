"""The base of all triggers: arguments that travel as JSON, and a wait that runs in the triggerer or in a worker."""

from __future__ import annotations

import asyncio
import inspect
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import redact
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot
    from airflow_provider_aztk.hooks.aztk import AztkHook
    from airflow_provider_aztk.triggers.events import WaitResult
    from airflow_provider_aztk.triggers.wait_loop import Activity, Clock

__all__ = ["AztkTrigger"]


class AztkTrigger(BaseTrigger):
    """Wait for something on Azure Batch.

    A concrete trigger is a constructor that assigns its arguments, and the methods ``watched_ids``, ``check`` and
    ``cancel``. The named arguments of its constructor, and of those that it hands ``**kwargs`` on to, are sent through
    the database as JSON, and found again as attributes.

    Airflow's triggerer runs :meth:`run`. Operators and sensors that wait in a worker call :meth:`wait_in_worker` or
    :meth:`poll_once`.

    :param aztk_conn_id: the Airflow connection; never its content.
    :param poll_interval: seconds between two polls; all waits on one account share them.
    :param deadline: Unix time at which the wait ends with a timeout, or None.
    :param cancel_on_kill: whether what is waited for is cancelled when a user ends the deferred task.
    :param remote: the operator's record of what it started, handed back in the event; plain JSON.
    """

    _kwarg_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names: dict[str, None] = {}
        for owner in cls.__mro__:
            if "__init__" in vars(owner) and issubclass(owner, AztkTrigger):
                names |= dict.fromkeys(_named_arguments(owner))
        cls._kwarg_names = tuple(names)

    def __init__(
        self,
        *,
        aztk_conn_id: str,
        poll_interval: float = 30.0,
        deadline: float | None = None,
        cancel_on_kill: bool = False,
        remote: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow gives no types here
        self.aztk_conn_id = aztk_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.cancel_on_kill = cancel_on_kill
        self.remote = remote

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, plain JSON."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {name: getattr(self, name) for name in self._kwarg_names}

    # -- for a concrete trigger to define -----------------------------------------------------------------------

    @abstractmethod
    def watched_ids(self) -> list[str]:
        """Return the ids of the clusters or jobs to watch."""

    @abstractmethod
    async def check(self, snapshots: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Return the event that ends the wait, or None to go on waiting.

        :param snapshots: the latest of each watched id. All of them exist, except those that :meth:`on_missing` waits
            for.
        """

    @abstractmethod
    async def cancel(self, client: AsyncClient) -> None:
        """Cancel what is waited for, because a user ended the task."""

    def on_missing(self, watched_id: str) -> WaitEvent | None:
        """Return the event for an id that does not exist (any more), or None to wait until it does."""
        return self.event(WaitStatus.FAILED, message=f"{watched_id} does not exist (any more)", code="NotFound")

    def make_activity(self, hook: AztkHook, *, clock: Clock, on_link: Callable[[str, str], None] | None) -> Activity:
        """Return what the loop does besides waiting; default nothing.

        :param on_link: pushes a link in a worker, given its XCom key and its URL; None in the triggerer.
        """
        from airflow_provider_aztk.triggers.wait_loop import Activity

        return Activity()

    # -- to wait ------------------------------------------------------------------------------------------------

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait in the triggerer, and yield exactly one event."""
        from airflow_provider_aztk.triggers.deferral import Deferral
        from airflow_provider_aztk.triggers.snapshots import SharedSnapshots
        from airflow_provider_aztk.triggers.wait_loop import Clock, WaitLoop

        clock = Clock()
        started_at = clock.monotonic()
        hook = self._make_hook()
        activity = self.make_activity(hook, clock=clock, on_link=None)
        event = await WaitLoop(self, SharedSnapshots(hook), activity=activity, clock=clock, log=self.log).run()
        if self.task_instance is not None:
            await Deferral(self.task_instance, started_at, self.log).wait_until_registered()
        yield TriggerEvent(dict(event))  # type: ignore[no-untyped-call]  # nor here

    def wait_in_worker(self, *, hook: AztkHook, on_link: Callable[[str, str], None] | None = None) -> WaitEvent:
        """Run the same wait in this process, and return its event.

        :param hook: the task's own connection.
        :param on_link: pushes a link of the task, given its XCom key and its URL; default: no link is pushed.
        :raises InvalidConfigurationError: where there is nothing to wait for, or an id that nothing can have.
        :raises Exception: the last of too many errors in a row, in most cases an AztkError.
        """
        from airflow_provider_aztk.triggers.snapshots import SharedSnapshots
        from airflow_provider_aztk.triggers.wait_loop import Clock, WaitLoop

        clock = Clock()
        activity = self.make_activity(hook, clock=clock, on_link=on_link)
        source = SharedSnapshots(hook, share_key=f"{self.aztk_conn_id}/{id(self)}")  # a poll of its own
        return asyncio.run(WaitLoop(self, source, activity=activity, clock=clock, log=self.log).run())

    def end_wait(self) -> None:
        """Let :meth:`wait_in_worker` end with a timeout at its next poll; may be called in a signal handler."""
        self.deadline = 0.0

    def poll_once(self, *, hook: AztkHook) -> WaitEvent | None:
        """Poll everything once, in this process, and return the event, or None where it is too early.

        :raises InvalidConfigurationError: where there is nothing to wait for, or an id that nothing can have.
        :raises AztkError: where Azure Batch cannot be polled.
        """
        return asyncio.run(self._poll_once(hook))

    async def _poll_once(self, hook: AztkHook) -> WaitEvent | None:
        from airflow_provider_aztk.triggers.wait_loop import verdict, watched_ids

        ids = watched_ids(self)
        async with await hook.get_async_client() as client:
            return await verdict(self, await client.get_snapshots(ids))

    async def on_kill(self) -> None:
        """Cancel what is waited for: a user marked the task failed or succeeded, or cleared it."""
        if not self.cancel_on_kill:
            return
        async with await self._make_hook().get_async_client() as client:
            await self.cancel(client)

    def _make_hook(self) -> AztkHook:
        from airflow_provider_aztk.hooks.aztk import AztkHook

        return AztkHook(self.aztk_conn_id)

    def event(
        self, status: str, *, message: str | None = None, code: object = None, result: WaitResult | None = None
    ) -> WaitEvent:
        """Return an event; secrets in its message, which may quote logs, are masked."""
        return WaitEvent(
            status=status,
            message=None if message is None else str(redact(message)),
            code=None if code is None else str(code),
            ids=self.watched_ids(),
            result=result or {},
            remote=self.remote or {},
        )


def _named_arguments(cls: type) -> list[str]:
    """Return the names of the arguments of a class's own constructor, which must be keyword-only.

    :raises TypeError: naming those that are not.
    """
    parameters = list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]
    named = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    wrong = [p.name for p in named if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    if wrong:
        raise TypeError(f"{cls.__name__}: constructor arguments must be keyword-only and named: {wrong}")
    return [p.name for p in named]
