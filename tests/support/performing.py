"""Perform actions of the client without Azure: a function answers their requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client._azure.batch import BatchRequest
from airflow_provider_aztk.client._azure.storage import StorageRequest
from airflow_provider_aztk.client._runners import AsyncRunner, Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client._requests import Action, Request

R = TypeVar("R")

#: Of an account that does not exist.
SECRETS = models.SecretsConfiguration(
    shared_key=models.SharedKeyConfiguration(
        batch_account_name="b",
        batch_account_key="a2V5",
        batch_service_url="http://127.0.0.1:9",
        storage_account_name="s",
        storage_account_key="a2V5",
    )
)


class AnsweringRunner(Runner):
    """Performs actions; requests to Azure are answered by a function, which may raise an error.

    :param answer: returns the answer of a request; ``NotImplemented`` lets the request go to Azure.
    """

    def __init__(self, answer: Callable[[Request[Any]], Any], secrets: models.SecretsConfiguration = SECRETS) -> None:
        super().__init__(secrets)
        self._answer = answer

    def perform(self, request: Request[Any]) -> Any:
        if isinstance(request, BatchRequest | StorageRequest):
            found = self._answer(request)
            if found is not NotImplemented:
                return found
        return super().perform(request)


class AsyncAnsweringRunner(AsyncRunner):
    """The async twin of :class:`AnsweringRunner`."""

    def __init__(self, answer: Callable[[Request[Any]], Any]) -> None:
        super().__init__(SECRETS)
        self._answer = answer

    async def perform(self, request: Request[Any]) -> Any:
        if isinstance(request, BatchRequest | StorageRequest):
            await asyncio.sleep(0)
            return self._answer(request)
        return await super().perform(request)


def perform(kind: str, action: Action[R] | Request[R], answer: Callable[[Request[Any]], Any]) -> R:
    """Perform an action with the runner of a kind, ``sync`` or ``async``."""
    if kind == "sync":
        return AnsweringRunner(answer).run(action)
    return asyncio.run(AsyncAnsweringRunner(answer).run(action))
