"""How long the SAS of a cluster's container is valid."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client._actions.containers import sign_container
from airflow_provider_aztk.client._actions.create_cluster import create_cluster
from airflow_provider_aztk.client._azure.sas import DELEGATED_SAS_MARGIN, SasIsDelegated, SasUrl
from tests.support.performing import SECRETS, AnsweringRunner

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Request

DAYS = [timedelta(days=number) for number in range(200)]


def signed(lifetime: timedelta | None, limit: timedelta | None, *, delegated: bool = False) -> timedelta:
    """Sign, and give the lifetime that was asked for."""
    asked: list[timedelta] = []

    def answer(request: Request[Any]) -> Any:
        if isinstance(request, SasUrl):
            asked.append(request.lifetime)
            return "https://host/c?sig=x"
        assert isinstance(request, SasIsDelegated)
        return delegated

    runner = AnsweringRunner(answer, dataclasses.replace(SECRETS, sas_lifetime=limit))
    assert runner.run(sign_container("c", lifetime)) == "https://host/c?sig=x"
    return asked[0]


def test_it_outlives_the_cluster_and_keeps_to_the_limit() -> None:
    assert signed(None, None) == DAYS[190]
    assert signed(DAYS[2], None) == DAYS[3]
    week = DAYS[7] - DELEGATED_SAS_MARGIN  # it begins before now
    assert signed(None, DAYS[7]) == week
    assert signed(DAYS[2], DAYS[7]) == DAYS[3]
    assert signed(DAYS[7], DAYS[7]) == week
    assert signed(None, None, delegated=True) == week
    assert signed(None, DAYS[1], delegated=True) == DAYS[1] - DELEGATED_SAS_MARGIN


def test_a_lifetime_that_is_none_is_refused() -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="sas_lifetime"):
        dataclasses.replace(SECRETS, sas_lifetime=timedelta(minutes=10))


@pytest.mark.parametrize("lifetime", [None, DAYS[2]])
def test_a_cluster_that_would_outlive_its_sas_is_refused_before_any_request(lifetime: timedelta | None) -> None:
    def answer(request: Request[Any]) -> Any:
        assert isinstance(request, SasIsDelegated)
        return False

    runner = AnsweringRunner(answer, dataclasses.replace(SECRETS, sas_lifetime=DAYS[1]))
    wanted = models.ClusterConfiguration(cluster_id="c", vm_count=1, max_lifetime=lifetime)
    with pytest.raises(errors.InvalidConfigurationError, match="max_lifetime") as error:
        runner.run(create_cluster(wanted))
    assert "sas_lifetime" in str(error.value)
