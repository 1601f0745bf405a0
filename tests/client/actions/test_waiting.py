"""Waits are quick at first, slower later, and end at the caller's limit."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import islice

import pytest

from airflow_provider_aztk.client._actions.waiting import pauses, seconds, wait_for
from airflow_provider_aztk.client._requests import LocalWork
from airflow_provider_aztk.client.errors import AztkError, InvalidConfigurationError, WaitTimeoutError
from tests.support.performing import perform

kinds = pytest.mark.parametrize("kind", ["sync", "async"])
nothing = partial(LocalWork, lambda: None)


def test_pauses_grow_to_the_interval() -> None:
    found = list(islice(pauses(5), 20))
    assert found[0] == 0.25
    assert found == sorted(found)
    assert found[-1] == 5


def test_an_interval_shorter_than_the_first_pause_is_kept() -> None:
    assert set(islice(pauses(0.01), 5)) == {0.01}


def no_request(request: object) -> None:
    raise AssertionError(f"{request} was sent")


@kinds
def test_the_first_result_ends_the_wait(kind: str) -> None:
    results = iter([None, None, "done"])
    poll = partial(LocalWork, lambda: next(results))
    assert perform(kind, wait_for(poll, "it", poll_interval=0.001), no_request) == "done"


@kinds
def test_the_limit_is_the_callers_and_says_what_was_waited_for(kind: str) -> None:
    wait = wait_for(nothing, "the moon", timeout=timedelta(milliseconds=10), poll_interval=0.001)
    with pytest.raises(WaitTimeoutError, match=r"the moon: not within 0\.01 seconds") as error:
        perform(kind, wait, no_request)
    assert isinstance(error.value, TimeoutError)
    assert isinstance(error.value, AztkError)


def test_a_limit_of_another_kind_is_named() -> None:
    with pytest.raises(InvalidConfigurationError, match="timeout='5'"):
        perform("sync", wait_for(nothing, "it", timeout="5"), no_request)  # type: ignore[arg-type]  # text, by mistake


def test_limits_are_seconds_or_timedeltas() -> None:
    assert (seconds(5), seconds(timedelta(minutes=1)), seconds(None)) == (5, 60, None)
