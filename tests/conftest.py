"""Group the slow tests for two cores: those that share one running Airflow, and all others."""

from __future__ import annotations

import os

import hypothesis
import pytest

from tests.support.airflow_home import connection, make_context  # noqa: F401 - before anything imports Airflow

hypothesis.settings.register_profile("no-deadline", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("no-deadline")

# The local stack is on loopback: a proxy of the developer's machine does not lead there.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost", "::1")))
#: Seconds for a test on real Airflow, whose start the first one pays: with a load of 20 that alone takes minutes.
_ON_A_BUSY_MACHINE = 1200


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name two groups, which ``make test`` gives to a process each, with what a group shares started once."""
    for item in items:
        group = "airflow" if "airflow_stack" in getattr(item, "fixturenames", ()) else "others"
        item.add_marker(pytest.mark.xdist_group(group))
        if group == "airflow" and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_ON_A_BUSY_MACHINE))
