"""One local stack for all tests of a process; and the slow tests divided between two cores."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from airflow_provider_aztk.local.testing import aztk_local, aztk_local_stack  # noqa: F401 - fixtures
from tests.support.airflow_home import connection, make_context  # noqa: F401 - before anything imports Airflow

hypothesis.settings.register_profile("no-deadline", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("no-deadline")

# The local stack is on loopback: a proxy of the developer's machine does not lead there.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost", "::1")))
#: Seconds for a test on real Airflow, whose start the first one pays: with a load of 20 that alone takes minutes.
_ON_A_BUSY_MACHINE = 1200


@pytest.fixture(scope="session")
def aztk_local_options() -> list[str]:
    """Start the local stack with fake Spark; tests of real Spark start their own."""
    return ["--fake-spark"]


class OneAirflow(LoadScopeScheduling):
    """Give all end-to-end tests to one process, so that one Airflow runs at a time, and all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return "e2e" if nodeid.startswith("tests/e2e/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneAirflow | None:
    """Schedule the slow tests, which ``make test`` runs with ``--dist loadscope``."""
    return OneAirflow(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests on the shared Airflow time for its start."""
    for item in items:
        if "airflow_stack" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_ON_A_BUSY_MACHINE))
