"""Make methods of the clients from actions: an action's parameters and docstring are those of the method."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from airflow_provider_aztk.client._requests import Action, Request
    from airflow_provider_aztk.client._runners import AsyncRunner, Runner

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Callable[..., Any]")


class HasRunner(Protocol):
    """What a method of the sync client needs."""

    @property
    def _runner(self) -> Runner: ...


class HasAsyncRunner(Protocol):
    """What a method of the async client needs."""

    @property
    def _runner(self) -> AsyncRunner: ...


def method(action: Callable[P, Action[R] | Request[R]]) -> Callable[Concatenate[HasRunner, P], R]:
    """Make a method that performs an action."""

    @functools.wraps(action)
    def perform(self: HasRunner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._runner.run(action(*args, **kwargs))

    return _with_signature(perform, action)


def async_method(
    action: Callable[P, Action[R] | Request[R]],
) -> Callable[Concatenate[HasAsyncRunner, P], Coroutine[Any, Any, R]]:
    """Make a coroutine method that performs an action."""

    @functools.wraps(action)
    async def perform(self: HasAsyncRunner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._runner.run(action(*args, **kwargs))

    return _with_signature(perform, action)


def _with_signature(perform: M, action: Callable[..., Any]) -> M:
    """Set what ``help`` and editors show: ``self``, and the type of the result."""
    found = inspect.signature(action)
    result = str(found.return_annotation).partition("[")[2].removesuffix("]")
    self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = found.replace(parameters=[self, *found.parameters.values()], return_annotation=result)
    perform.__signature__ = signature  # type: ignore[attr-defined]  # functions take any attribute
    return perform
