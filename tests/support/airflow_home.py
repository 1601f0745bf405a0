"""A home for Airflow, set before it is imported; the context of a task, without a database or a process."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from types import SimpleNamespace
from typing import Any

import pytest

_HOME = tempfile.mkdtemp(prefix="aztk-airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.update(
    {
        "AIRFLOW_HOME": _HOME,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__CORE__DAGS_FOLDER": f"{_HOME}/dags",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/unit.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
)

KEY = "bm90LWEtcmVhbC1rZXkxMjM="  # base64 of words that say so
CONNECTION: dict[str, Any] = {
    "conn_type": "aztk",
    "host": "https://acc.westeurope.batch.azure.com",
    "login": "acc",
    "password": KEY,
    "extra": {"storage_account_name": "store", "storage_access_key": KEY},
}


class Store(dict[str, Any]):
    """A task's state store, as far as operators use it."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value, as JSON like the real one."""
        self[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        """Drop a value; a missing one is fine."""
        self.pop(key, None)


class Context(dict[str, Any]):
    """The context of a running task, with what it pushed to XCom."""

    def __init__(self, *, try_number: int = 1, map_index: int = -1, clear_number: int = 0, store: Store | None = None):
        self.xcoms: dict[str, Any] = {}
        ti = SimpleNamespace(
            id=f"ti-{try_number}-{map_index}",
            dag_id="etl",
            task_id="spark",
            run_id="manual__1",
            map_index=map_index,
            try_number=try_number,
            max_tries=2,
            start_date=None,
            xcom_push=lambda key, value: self.xcoms.__setitem__(key, value),
        )
        run = SimpleNamespace(run_id="manual__1", clear_number=clear_number, logical_date=None, run_after=None)
        super().__init__(ti=ti, dag_run=run, task_state_store=Store() if store is None else store)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A connection ``aztk_default`` that is complete."""
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps(CONNECTION))
    return CONNECTION


@pytest.fixture
def make_context() -> type[Context]:
    """Makes contexts."""
    return Context
