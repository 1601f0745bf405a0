"""Several things side by side: one that fails neither hides nor stops the others."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._account import PARALLEL, parallel


def test_all_are_done_and_every_failure_is_told() -> None:
    done = []

    def work(item: int) -> None:
        if item in (0, 20):
            raise errors.AztkError(f"item {item}")
        done.append(item)

    items = list(range(3 * PARALLEL))
    with pytest.raises(errors.AztkError, match="item 0") as error:
        parallel(work, items)
    assert sorted(done) == [item for item in items if item not in (0, 20)]
    assert error.value.__notes__ == ["2 of 30 failed; also: item 20"]
