"""A client whose clock is minutes off: what is compared with the service's times is taken from its ``Date`` header.

The proxy shifts all times that the service tells, which is the same as a client's clock that is off the other way.
"""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_aztk.client import Client, errors
from airflow_provider_aztk.client._azure.batch import list_pools
from airflow_provider_aztk.client._azure.sas import SasUrl
from airflow_provider_aztk.client._azure.storage import ContainerMetadata, CreateContainer, DeleteContainer
from airflow_provider_aztk.client._requests import ServiceTime
from airflow_provider_aztk.client._runners import Runner
from tests.client.live.conftest import secrets_of
from tests.support.misbehaving import Answer, Fault, misbehaving

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

OFF = [timedelta(minutes=10), timedelta(minutes=-10)]
both_ways = pytest.mark.parametrize("off", OFF, ids=["behind", "ahead"])


def shifted(off: timedelta) -> Callable[[Answer], None]:
    def shift(answer: Answer) -> None:
        for name in ("date", "last-modified"):
            if name in answer.headers:
                told = parsedate_to_datetime(answer.headers[name]) + off
                answer.headers[name] = format_datetime(told, usegmt=True)

    return shift


@both_ways
def test_the_age_of_a_claim_is_measured_by_the_service_alone(running_stack: LocalStack, off: timedelta) -> None:
    container = f"clock-{uuid.uuid4().hex[:12]}"
    with misbehaving(str(running_stack.blob_endpoint)) as line:
        line.faults.append(Fault(shifted(off), count=-1))
        with closing(Runner(secrets_of(running_stack, storage_service_url=line.url))) as runner:
            runner.run(CreateContainer(container, {"a": "b"}))
            metadata, age = runner.run(ContainerMetadata(container))
            assert metadata == {"a": "b"}
            assert timedelta(0) <= age < timedelta(seconds=20)
            runner.run(DeleteContainer(container))


@both_ways
def test_what_the_service_will_judge_is_given_in_its_time(running_stack: LocalStack, off: timedelta) -> None:
    with misbehaving(running_stack.batch_endpoint) as line:
        line.faults.append(Fault(shifted(off), count=-1))
        with closing(Runner(secrets_of(running_stack, batch_service_url=line.url))) as runner:
            runner.run(list_pools())
            there = datetime.now(UTC) + off
            assert abs(runner.run(ServiceTime()) - there) < timedelta(seconds=20)
            url = runner.run(SasUrl("c", timedelta(hours=1)))
            expiry = datetime.fromisoformat(parse_qs(urlsplit(url).query)["se"][0])
            assert abs(expiry - there - timedelta(hours=1)) < timedelta(seconds=20)


@pytest.mark.parametrize(("minutes", "way"), [(20, "behind"), (-20, "ahead of")])
def test_a_refusal_says_that_the_clock_is_wrong(running_stack: LocalStack, minutes: int, way: str) -> None:
    with misbehaving(running_stack.batch_endpoint) as line:
        line.faults.append(Fault(shifted(timedelta(minutes=minutes)), count=-1))
        secrets = secrets_of(running_stack, batch_service_url=line.url, batch_account_key="d3Jvbmcga2V5")
        with Client(secrets) as client, pytest.raises(errors.AuthenticationError) as error:
            client.test_connection()
    assert f"the clock of this machine is 20 minutes {way} the service's" in str(error.value)


def test_a_refusal_with_a_right_clock_says_nothing_of_it(running_stack: LocalStack) -> None:
    with (
        Client(secrets_of(running_stack, batch_account_key="d3Jvbmcga2V5")) as client,
        pytest.raises(errors.AuthenticationError) as error,
    ):
        client.test_connection()
    assert "clock" not in str(error.value)
