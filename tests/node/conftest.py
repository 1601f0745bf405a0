"""Fixtures for the node code: Azurite, and clusters on the stand-in for Spark or on Spark itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.local.stack.fake_spark import install
from tests.node.harness import Account, FakeBatch, running_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.local.testing import LocalStack


@pytest.fixture(scope="session")
def account(aztk_local_stack: LocalStack) -> Account:
    """Return Azurite's account."""
    stack = aztk_local_stack
    assert stack.blob_endpoint is not None
    assert stack.blob_account is not None
    assert stack.blob_key is not None
    return Account(stack.blob_endpoint, stack.blob_account, stack.blob_key)


@pytest.fixture(scope="session")
def fake_spark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SPARK_HOME of the stand-in."""
    return install(tmp_path_factory.mktemp("fake_spark"))


@pytest.fixture(scope="session")
def real_spark() -> Path:
    """Return the SPARK_HOME of the pyspark package."""
    import pyspark

    return Path(os.path.dirname(pyspark.__file__))


@pytest.fixture
def cluster(account: Account, tmp_path: Path, fake_spark: Path) -> Iterator[FakeBatch]:
    """Return a cluster on the stand-in."""
    with running_cluster(account, tmp_path / "cluster", fake_spark) as made:
        yield made


@pytest.fixture
def spark_cluster(account: Account, tmp_path: Path, real_spark: Path) -> Iterator[FakeBatch]:
    """Return a cluster on real Spark."""
    with running_cluster(account, tmp_path / "cluster", real_spark) as made:
        yield made
