"""Perform actions: the sync and the async runner (see ``_requests.py``)."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.client._azure.batch import BatchRequest
from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.storage import StorageRequest
from airflow_provider_aztk.client._requests import ClientSecrets, LocalWork, Once, Pause, ServiceTime, SideBySide
from airflow_provider_aztk.concurrency import for_each, for_each_async

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.aio import AsyncBatchGateway, AsyncStorageGateway
    from airflow_provider_aztk.client._azure.exchanges import ServicesObserver
    from airflow_provider_aztk.client._azure.gateways import BatchGateway, StorageGateway
    from airflow_provider_aztk.client._requests import Action, Request
    from airflow_provider_aztk.client.models import SecretsConfiguration

R = TypeVar("R")


class Runner:
    """Performs actions with the sync gateways; any number of threads may use it.

    :param secrets: the credentials; both accounts are connected at the first request.
    :param gateways: other gateways than those of the credentials.
    :param observer: is called with the service's name, and every request with its answer.
    """

    def __init__(
        self,
        secrets: SecretsConfiguration,
        gateways: tuple[BatchGateway, StorageGateway] | None = None,
        observer: ServicesObserver | None = None,
    ) -> None:
        self.secrets = secrets
        self._observer = observer
        self.clock = ServiceClock()
        self._gateways = gateways
        self._kept: dict[str, Any] = {}
        self._opening, self._keeping = Lock(), Lock()

    def close(self) -> None:
        """Close all connections, if there are any."""
        gateways, self._gateways = self._gateways, None
        for gateway in gateways or ():
            gateway.close()

    def _connected(self) -> tuple[BatchGateway, StorageGateway]:
        with self._opening:
            if self._gateways is None:
                connect = import_module("airflow_provider_aztk.client._azure.gateways").connect
                self._gateways = connect(self.secrets, self.clock, self._observer)
            return self._gateways

    def run(self, action: Action[R] | Request[R]) -> R:
        """Perform an action, and return its result."""
        steps = action.__iter__()
        answer: Any = None
        error: Exception | None = None
        try:
            while True:
                request = steps.send(answer) if error is None else steps.throw(error)
                try:
                    answer, error = self.perform(request), None
                except Exception as failure:
                    answer, error = None, failure
        except StopIteration as end:
            result: R = end.value
            return result
        finally:
            steps.close()

    def perform(self, request: Request[Any]) -> Any:
        """Perform one request, and return its answer."""
        match request:
            case BatchRequest():
                return self._connected()[0].send(request)
            case StorageRequest():
                return self._connected()[1].send(request)
            case SideBySide():
                return for_each(self.run, request.actions)
            case Pause():
                return time.sleep(request.seconds)
            case LocalWork():
                return request.work()
            case Once():
                with self._keeping:
                    if request.name not in self._kept:
                        self._kept[request.name] = self.run(request.action())
                    return self._kept[request.name]
            case _:
                return _known(request, self.secrets, self.clock)


class AsyncRunner:
    """Performs actions with the async gateways, on one event loop; see :class:`Runner`."""

    def __init__(
        self, secrets: SecretsConfiguration, gateways: tuple[AsyncBatchGateway, AsyncStorageGateway] | None = None
    ) -> None:
        self.secrets = secrets
        self.clock = ServiceClock()
        self._gateways = gateways
        self._kept: dict[str, Any] = {}
        self._opening, self._keeping = asyncio.Lock(), asyncio.Lock()

    async def close(self) -> None:
        """Close all connections, if there are any."""
        gateways, self._gateways = self._gateways, None
        for gateway in gateways or ():
            await gateway.close()

    async def _connected(self) -> tuple[AsyncBatchGateway, AsyncStorageGateway]:
        async with self._opening:
            if self._gateways is None:  # the imports take a third of a second, so they run beside the event loop
                aio = await asyncio.to_thread(import_module, "airflow_provider_aztk.client._azure.aio")
                self._gateways = await aio.connect(self.secrets, self.clock)
            return self._gateways

    async def run(self, action: Action[R] | Request[R]) -> R:
        """Perform an action, and return its result."""
        steps = action.__iter__()
        answer: Any = None
        error: Exception | None = None
        try:
            while True:
                request = steps.send(answer) if error is None else steps.throw(error)
                try:
                    answer, error = await self.perform(request), None
                except Exception as failure:
                    answer, error = None, failure
        except StopIteration as end:
            result: R = end.value
            return result
        finally:
            steps.close()

    async def perform(self, request: Request[Any]) -> Any:
        """Perform one request, and return its answer."""
        match request:
            case BatchRequest():
                return await (await self._connected())[0].send(request)
            case StorageRequest():
                return await (await self._connected())[1].send(request)
            case SideBySide():
                return await for_each_async(self.run, request.actions)
            case Pause():
                return await asyncio.sleep(request.seconds)
            case LocalWork():
                return await asyncio.to_thread(request.work)
            case Once():
                async with self._keeping:
                    if request.name not in self._kept:
                        self._kept[request.name] = await self.run(request.action())
                    return self._kept[request.name]
            case _:
                return _known(request, self.secrets, self.clock)


def _known(request: Request[Any], secrets: SecretsConfiguration, clock: ServiceClock) -> Any:
    """Answer a request for what the client knows."""
    match request:
        case ClientSecrets():
            return secrets
        case ServiceTime():
            return clock.now()
    raise AssertionError(f"no runner performs {request!r}")
