"""One cluster with fake Spark, on which drivers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node import contract
from tests.node.commands.driver.support import FAST
from tests.node.harness import running_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.node.harness import Account, FakeBatch, Task


@pytest.fixture(scope="module")
def shared(account: Account, fake_spark: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeBatch]:
    """Return one cluster with a master to all these tests: it is their drivers that differ."""
    with running_cluster(account, tmp_path_factory.mktemp("shared"), fake_spark) as made:
        made.define(worker_on_master=False)
        made.start("master", contract.MASTER_TASK_ID)
        made.wait_for_master()
        yield made


@pytest.fixture
def cluster(shared: FakeBatch) -> FakeBatch:
    """Return the shared cluster as if no application had been there yet."""
    shared.forget_applications()
    return shared


@pytest.fixture
def run(cluster: FakeBatch, tmp_path: Path) -> Callable[..., Task]:
    """Return a function that runs a program on a cluster with a master, to its end."""

    def submit_and_run(text: str, name: str = "app", wait: bool = True, **definition: Any) -> Task:
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        cluster.submit(name, path, **definition)
        task = cluster.start("driver", name, env=FAST)
        if wait:
            task.wait()
        return task

    return submit_and_run
