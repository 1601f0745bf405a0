"""What all triggers share: one loop that waits on shared polls, one event shape, cancel on kill, a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import inspect
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import redact
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_aztk.triggers.deferral import Deferral
from airflow_provider_aztk.triggers.events import WaitEvent, WaitStatus
from airflow_provider_aztk.triggers.xcoms import write_xcom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from airflow_provider_aztk.client import AsyncClient, JobSnapshot, models
    from airflow_provider_aztk.hooks.aztk import AztkHook

__all__ = ["AztkTrigger", "for_each"]

_MAX_ERRORS = 20  # in a row, each after several polls that failed and all of the client's own retries
_MAX_UNEXPECTED = 5  # the same for errors that are not of Azure's making, which waiting hardly mends
_SIDE_BY_SIDE = 8


class AztkTrigger(BaseTrigger):
    """Wait for something on Azure Batch.

    A concrete trigger is a constructor that assigns its arguments, and the few methods below. The named arguments of
    its constructor, and of those that it hands ``**kwargs`` on to, are sent through the database as JSON, and found
    again as attributes.

    :param aztk_conn_id: the Airflow connection; never its content.
    :param poll_interval: seconds between two polls; all waits on one account share them.
    :param deadline: Unix time at which to give up, or None.
    :param cancel_on_kill: whether what is waited for is cancelled when a user ends the deferred task.
    :param remote: the operator's note of what it started, handed back in the event; plain JSON.
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
        self._errors: dict[str, int] = {}  # in a row, by what could not be watched; "": by the check
        self.share_key: str | None = None  # a poll of its own, where the loop runs in a worker
        self.began = float("-inf")
        # Set where the same loop runs in a worker, which has a hook already, and pushes links in its own way.
        self.hook: AztkHook | None = None
        self.on_link: Callable[[str, str], None] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give class path and kwargs, plain JSON."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {name: getattr(self, name) for name in self._kwarg_names}

    # -- what a concrete trigger says ---------------------------------------------------------------------------

    @abstractmethod
    def watched_ids(self) -> list[str]:
        """Name the clusters or jobs to watch."""

    @abstractmethod
    async def check(self, views: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        """Look at the latest view of each watched id; an event ends the wait.

        All of them exist, but where :meth:`gone` says that one is waited for.
        """

    @abstractmethod
    async def cancel(self, client: AsyncClient) -> None:
        """End what is waited for, because a user ended the task."""

    def gone(self, watched: str) -> WaitEvent | None:
        """Say that what is watched does not exist (any more); None: wait until it does."""
        return self.event(WaitStatus.FAILED, message=f"{watched} does not exist (any more)", code="NotFound")

    async def prepare(self) -> None:
        """Do what is due before the first poll."""

    async def between_polls(self, views: Mapping[str, JobSnapshot]) -> None:
        """Do what is due between two polls, e.g. read logs."""

    async def before_event(self, views: Mapping[str, JobSnapshot], event: WaitEvent) -> None:
        """Do what is due before the event is sent."""

    def pause(self) -> float:
        """Seconds until :meth:`between_polls` is due again."""
        return self.poll_interval

    # -- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield exactly one event."""
        self.began = time.monotonic()
        await self.prepare()
        event = await self.wait()
        if self.task_instance is not None:
            await Deferral(self.task_instance, self.began, self.log).settled()
        yield TriggerEvent(dict(event))  # type: ignore[no-untyped-call]  # nor here

    async def wait(self) -> WaitEvent:
        """Run the loop until :meth:`check` has an event or the deadline has come.

        :raises InvalidConfigurationError: where there is nothing to wait for, or an id that nothing can have.
        :raises Exception: what many polls in a row have failed with.
        """
        feeds = {watched: await self._watch(watched) for watched in self._ids()}
        views: dict[str, JobSnapshot] = {}
        pending: dict[asyncio.Task[JobSnapshot], str] = {_next(feed): watched for watched, feed in feeds.items()}
        try:
            while True:
                done, _ = await asyncio.wait(pending, timeout=self._timeout(), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    watched = pending.pop(task)
                    await self._take(task, watched, views)
                    if task.exception():  # a feed ends with its error; the next poll may be better
                        feeds[watched] = await self._watch(watched)
                    pending[_next(feeds[watched])] = watched
                event = await self._enduring_verdict(views) if done else None
                if event is None and self.deadline is not None and time.time() >= self.deadline:
                    event = self.event(WaitStatus.TIMEOUT, message="the time for this task is over")
                if event is not None:
                    await self.before_event(views, event)
                    return event
                await self.between_polls(views)
        finally:
            await _close(pending, feeds)

    async def look_once(self) -> WaitEvent | None:
        """Look at everything once and give the event, or None where it is too early; errors are the caller's."""
        from airflow_provider_aztk.client._shared_poller import look_once

        ids = self._ids()
        async with await self._hook().get_async_client() as client:
            return await self._verdict(await look_once(client, ids))

    def _ids(self) -> list[str]:
        ids = self.watched_ids()
        if ids:
            return ids
        from airflow_provider_aztk.client import errors

        fault = errors.FieldError("ids", "[]", "name at least one cluster or job to wait for")
        raise errors.InvalidConfigurationError(type(self).__name__, [fault])

    async def _take(self, task: asyncio.Task[JobSnapshot], watched: str, views: dict[str, JobSnapshot]) -> None:
        """Take the view that a poll brought; an error ends the wait only where waiting longer cannot mend it."""
        try:
            views[watched] = task.result()
        except Exception as error:
            await self._endure(watched, error)
        else:
            self._errors.pop(watched, None)

    async def _verdict(self, views: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        watched_ids = self.watched_ids()
        if any(watched not in views for watched in watched_ids):
            return None
        missing = [watched for watched in watched_ids if not views[watched].exists]
        event = self.gone(missing[0]) if missing else None
        return event or await self.check(views)  # one that is still to come says nothing of the others

    async def _enduring_verdict(self, views: Mapping[str, JobSnapshot]) -> WaitEvent | None:
        try:
            event = await self._verdict(views)
        except Exception as error:
            await self._endure("", error)
            return None
        self._errors.pop("", None)
        return event

    async def _endure(self, what: str, error: Exception) -> None:
        """Wait a little after an error; raise it where it came too often, or cannot pass.

        :param what: the id that could not be watched, or nothing, where what is known of all could not be checked.
        """
        from airflow_provider_aztk.client import errors
        from airflow_provider_aztk.hooks.credentials import in_form_words

        if isinstance(error, errors.AuthenticationError):
            error.args = (in_form_words(str(error)),)
        count = self._errors[what] = self._errors.get(what, 0) + 1
        known = isinstance(error, errors.AztkError)
        if count >= (_MAX_ERRORS if known else _MAX_UNEXPECTED) or isinstance(error, errors.InvalidConfigurationError):
            raise error
        self.log.warning(
            "Azure Batch cannot be asked now, will be tried again: %s",
            error if known else f"{type(error).__name__}: {error}",
            exc_info=None if known else error,
        )
        await asyncio.sleep(min(self.poll_interval, 5.0 * count))

    def _timeout(self) -> float:
        pause = self.pause()
        if self.deadline is None:
            return pause
        return max(0.0, min(pause, self.deadline - time.time()))

    async def _watch(self, watched: str) -> AsyncIterator[JobSnapshot]:
        from airflow_provider_aztk.client import AsyncClient, SharedPoller

        secrets = await self._hook().aget_secrets()
        watcher = SharedPoller.shared(
            self.share_key or _poll_key(self.aztk_conn_id, secrets), lambda: AsyncClient(secrets)
        )
        return watcher.watch(watched, poll_interval=self.poll_interval)

    def _hook(self) -> AztkHook:
        from airflow_provider_aztk.hooks.aztk import AztkHook

        if self.hook is None:
            self.hook = AztkHook(self.aztk_conn_id)
        return self.hook

    async def push_link(self, key: str, url: str) -> None:
        """Show a link of the task in the UI from now on.

        :param key: its XCom key.
        """
        if self.on_link is not None:
            self.on_link(key, url)
        elif self.task_instance is not None:
            await write_xcom(self.task_instance, key, url)

    async def on_kill(self) -> None:
        """Cancel what is waited for: a user marked the task failed or succeeded, or cleared it."""
        if not self.cancel_on_kill:
            return
        async with await self._hook().get_async_client() as client:
            await self.cancel(client)

    def event(
        self,
        status: str,
        *,
        message: str | None = None,
        code: object = None,
        result: dict[str, Any] | None = None,
    ) -> WaitEvent:
        """Build an event of the one shape; what its message quotes of logs is masked, as logs are."""
        return WaitEvent(
            status=status,
            message=None if message is None else str(redact(message)),
            code=None if code is None else str(code),
            ids=self.watched_ids(),
            result=result or {},
            remote=self.remote or {},
        )


async def for_each(action: Callable[[str], Awaitable[object]], names: Iterable[str]) -> None:
    """Do something for each of some names, several at a time; one that is gone is done.

    :param action: what to do; called for every name, whatever became of the others.
    :raises Exception: the first of the errors, when all have been tried, with the others as notes.
    """
    from airflow_provider_aztk.client import errors

    room = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def do(name: str) -> None:
        async with room:
            with contextlib.suppress(errors.NotFoundError):
                await action(name)

    results = await asyncio.gather(*(do(name) for name in names), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    if failed:
        for other in failed[1:]:
            failed[0].add_note(f"and: {other!r}")
        raise failed[0]


def _poll_key(conn_id: str, secrets: models.SecretsConfiguration) -> str:
    """Name the poll that waits on one account share.

    The connection's id is not enough: what it leads to can change while a triggerer runs, and differs between teams.
    """
    content = repr(sorted(dataclasses.asdict(secrets).items()))
    return f"{conn_id}/{hashlib.sha256(content.encode()).hexdigest()}"


def _named_arguments(cls: type) -> list[str]:
    """Name the arguments of a class's own constructor, which must be keyword-only.

    :raises TypeError: naming those that are not.
    """
    parameters = list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]
    named = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    wrong = [p.name for p in named if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    if wrong:
        raise TypeError(f"{cls.__name__}: constructor arguments must be keyword-only and named: {wrong}")
    return [p.name for p in named]


def _next(feed: AsyncIterator[JobSnapshot]) -> asyncio.Task[JobSnapshot]:
    return asyncio.ensure_future(anext(feed))


async def _close(
    pending: Mapping[asyncio.Task[JobSnapshot], str], feeds: Mapping[str, AsyncIterator[JobSnapshot]]
) -> None:
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for feed in feeds.values():
        close = getattr(feed, "aclose", None)
        if close is not None:
            with contextlib.suppress(Exception):
                await close()
