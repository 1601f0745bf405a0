"""The sync and the async client have the same methods, and say the same of them."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

from airflow_provider_aztk.client import AsyncClient, Client
from tests.support.performing import SECRETS

#: What an event loop alone needs: states of many jobs at once, for the shared poll of all waits.
ASYNC_ONLY = {"get_snapshots", "batch_jobs", "batch_tasks", "view_cluster", "master_log"}


def public(client: type) -> dict[str, Any]:
    return {name: value for name, value in inspect.getmembers(client) if not name.startswith("_")}


def test_the_async_client_offers_every_method_of_the_sync_client_and_no_other() -> None:
    assert public(AsyncClient).keys() - ASYNC_ONLY == public(Client).keys()


@pytest.mark.parametrize("name", [name for name, value in public(Client).items() if callable(value)])
def test_a_method_has_the_same_parameters_in_both(name: str) -> None:
    sync, aio = getattr(Client, name), getattr(AsyncClient, name)
    assert inspect.signature(sync).parameters == inspect.signature(aio).parameters
    results = [str(inspect.signature(method).return_annotation) for method in (sync, aio)]
    assert results[0] == results[1].replace("AsyncIterator", "Iterator")
    assert sync.__doc__ == aio.__doc__
    assert inspect.iscoroutinefunction(aio) or inspect.isasyncgenfunction(aio)


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_method_shows_its_parameters_and_its_result(client: type) -> None:
    method = client.get_application_log  # type: ignore[attr-defined]
    assert str(inspect.signature(method)) == (
        "(self, cluster_id: 'str', application_name: 'str', tail: 'bool' = False, current_bytes: 'int' = 0)"
        " -> 'ApplicationLog'"
    )
    assert method.__doc__.startswith("Get a driver's log")


def test_the_misspelt_name_warns_at_its_caller() -> None:
    with Client(SECRETS) as client, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="1 to 64 letters"):
            client.list_applicaitons("")
    assert [(warning.category, warning.filename) for warning in caught] == [(DeprecationWarning, __file__)]
