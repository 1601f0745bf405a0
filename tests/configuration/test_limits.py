"""What ends a cluster or job when nobody does: what is given counts, what is not given does not surprise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_aztk.configuration.limits import AUTO, checked_limit, cluster_limits, job_lifetime
from airflow_provider_aztk.operators.cluster import AztkCreateClusterOperator
from airflow_provider_aztk.operators.job import AztkSubmitJobOperator

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("own", "operator", "dagrun_timeout", "expected"),
    [
        ((None, None), (AUTO, AUTO), None, (3 * DAY, HOUR)),
        ((None, None), (AUTO, AUTO), 5 * DAY, (5 * DAY + 30 * MINUTE, HOUR)),
        ((None, None), (AUTO, AUTO), HOUR, (3 * DAY, HOUR)),
        ((None, None), (HOUR, AUTO), DAY, (HOUR, None)),  # given: not made longer, and the default idle time gives way
        ((None, None), (2 * HOUR, AUTO), None, (2 * HOUR, HOUR)),
        ((None, None), (None, None), DAY, (None, None)),
        ((None, None), (None, AUTO), None, (None, HOUR)),
        ((DAY, 2 * HOUR), (HOUR, MINUTE), None, (DAY, 2 * HOUR)),  # the definition goes before the operator
        ((30 * MINUTE, None), (AUTO, AUTO), None, (30 * MINUTE, None)),
    ],
)
def test_limits_of_a_cluster(own: Any, operator: Any, dagrun_timeout: Any, expected: Any) -> None:
    assert cluster_limits(*own, *operator, dagrun_timeout) == expected


@pytest.mark.parametrize(
    ("own", "operator"),
    [((HOUR, DAY), (AUTO, AUTO)), ((None, None), (HOUR, 2 * HOUR)), ((None, None), (AUTO, 5 * DAY))],
)
def test_an_idle_timeout_that_would_never_count_is_refused(own: Any, operator: Any) -> None:
    with pytest.raises(ValueError, match=r"idle_timeout=.* is not shorter than max_lifetime="):
        cluster_limits(*own, *operator, None)


@pytest.mark.parametrize(
    ("own", "operator", "dagrun_timeout", "execution_timeout", "expected"),
    [
        (None, AUTO, None, None, 3 * DAY),
        (None, AUTO, 5 * DAY, None, 5 * DAY + 30 * MINUTE),
        (None, AUTO, None, HOUR, HOUR),
        (None, AUTO, None, 10 * DAY, 10 * DAY),
        (None, 30 * MINUTE, None, 2 * HOUR, 30 * MINUTE),
        (10 * HOUR, AUTO, None, HOUR, HOUR),
        (None, None, None, None, None),
        (None, None, None, HOUR, HOUR),
    ],
)
def test_the_lifetime_of_a_job(
    own: Any, operator: Any, dagrun_timeout: Any, execution_timeout: Any, expected: Any
) -> None:
    assert job_lifetime(own, operator, dagrun_timeout, execution_timeout) == expected


@pytest.mark.parametrize(
    ("given", "taken"), [(None, None), ("auto", "auto"), (90, timedelta(seconds=90)), (HOUR, HOUR)]
)
def test_a_limit_is_taken(given: Any, taken: Any) -> None:
    assert checked_limit("max_lifetime", given) == taken


@pytest.mark.parametrize("given", ["2h", 0, -1, timedelta(0), True, [1]])
@pytest.mark.parametrize("field", ["max_lifetime", "idle_timeout"])
def test_what_is_no_limit_is_refused_while_the_dag_is_parsed(field: str, given: Any) -> None:
    with DAG("etl", schedule=None), pytest.raises(ValueError, match=rf"{field}=.*give a timedelta"):
        AztkCreateClusterOperator(task_id="x", cluster_conf={}, **{field: given})


def test_a_jobs_limit_is_checked_too() -> None:
    with DAG("etl", schedule=None), pytest.raises(ValueError, match=r"max_lifetime='2h'"):
        AztkSubmitJobOperator(task_id="x", job_configuration={}, max_lifetime="2h")
