"""Configurations that are good but for what a test changes, and the faults of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import ApplicationConfiguration, ClusterConfiguration, JobConfiguration

HERE = str(Path(__file__))


def app(**given: Any) -> ApplicationConfiguration:
    return ApplicationConfiguration(**{"name": "a", "application": HERE, **given})


def cluster(**given: Any) -> ClusterConfiguration:
    return ClusterConfiguration(**{"cluster_id": "c", "vm_count": 1, **given})


def job(**given: Any) -> JobConfiguration:
    return JobConfiguration(**{"id": "j", "max_dedicated_nodes": 1, "applications": [app()], **given})


def faults(build: Any, **given: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfigurationError) as error:
        build(**given)
    return {fault.field: fault.fix for fault in error.value.faults}
